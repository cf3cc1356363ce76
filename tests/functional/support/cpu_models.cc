// Judges QEMU's list of CPU models, all of it, by the monitor of the only machine:
//
//   aliases     a model that has versions stands for one of them (on machines that choose one), an
//               alias stands for a model that is there and is none itself, it is not static, and no
//               variant such as "-noTSX" or "-IBRS", which is a version already, has versions
//   expansions  no model lacks a feature without a name, and the full expansion of each carries the
//               name that was asked for
//
// Prints each mistake; status 1 if there was one, or if there are no models.
#include "base/error.hh"
#include "cli/cli.hh"
#include "monitor.hh"

#include <map>
#include <vector>

namespace {

using namespace qt;

using Models = std::map<std::string, Json>;

// "Haswell-v4" → "Haswell"; empty if the name has no version.
std::string base_of(const std::string& name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  const bool versioned = end != std::string::npos && end + 1 < name.size() && end >= 1 &&
                         name.compare(end - 1, 2, "-v") == 0;
  return versioned ? name.substr(0, end - 1) : "";
}

std::vector<std::string> alias_mistakes(const Models& models) {
  std::vector<std::string> mistakes;
  std::size_t aliases = 0;
  for (const auto& [name, model] : models) {
    const std::string target = model.value("alias-of", "");
    const bool has_versions = models.contains(name + "-v1");
    if (target.empty()) {
      if (has_versions) {
        mistakes.push_back(name + " has versions and stands for none of them");
      }
      continue;
    }
    ++aliases;
    const auto found = models.find(target);
    if (found == models.end()) {
      mistakes.push_back(format("{} stands for {}, which is not there", name, target));
    } else if (found->second.contains("alias-of")) {
      mistakes.push_back(format("{} stands for {}, an alias itself", name, target));
    }
    if (model.value("static", false)) {
      mistakes.push_back(format("{} is an alias and static", name));
    }
    if (has_versions && base_of(target) != name) {
      mistakes.push_back(format("{} stands for {}, though there is {}-v1", name, target, name));
    }
  }
  if (aliases == 0) {
    mistakes.emplace_back("there is no alias at all");
  }
  return mistakes;
}

std::vector<std::string> expansion_mistakes(const Models& models, support::Monitor& monitor) {
  std::vector<std::string> mistakes;
  for (const auto& [name, model] : models) {
    for (const Json& feature : model.value("unavailable-features", Json::array())) {
      if (feature == "") {
        mistakes.push_back(name + " lacks a feature without a name");
      }
    }
    const Json expansion =
        monitor.ask("query-cpu-model-expansion", {{"type", "full"}, {"model", {{"name", name}}}});
    const Json& expanded = expansion.at("model").at("name");
    if (expanded != name) {
      mistakes.push_back(format("{} expands to {}", name, dump_json(expanded)));
    }
  }
  return mistakes;
}

int judge(const std::vector<std::string>& words) {
  if (words.size() != 1 || (words[0] != "aliases" && words[0] != "expansions")) {
    throw Error("usage: cpu-models aliases|expansions", ExitCode::usage);
  }
  support::Monitor monitor;
  Models models;
  for (const Json& model : monitor.ask("query-cpu-definitions")) {
    models[model.at("name").get<std::string>()] = model;
  }
  const std::vector<std::string> mistakes =
      models.empty()          ? std::vector<std::string>{"there are no CPU models"}
      : words[0] == "aliases" ? alias_mistakes(models)
                              : expansion_mistakes(models, monitor);
  for (const std::string& mistake : mistakes) {
    print_line(mistake);
  }
  print_line(format("{} models, {} mistakes{}", models.size(), mistakes.size(),
                    mistakes.empty() ? "" : ", the first: " + mistakes[0]));
  return mistakes.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) { return run_tool("cpu-models", argc, argv, judge); }
