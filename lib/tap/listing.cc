#include "tap/listing.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "cache/cache.hh"
#include "data/json.hh"
#include "data/url.hh"
#include "definition/requirement.hh"
#include "schema/failure_sets.hh"
#include "tap/tag.hh"

#include <algorithm>
#include <filesystem>
#include <set>

namespace qt {

namespace {

// The bytes of an asset that is there; nothing if it is not, or there is no cache.
std::optional<std::uint64_t> cached_size(const Asset& asset) {
  std::error_code failed;
  std::uintmax_t size = 0;
  try {
    const std::string path = asset.urls.empty() ? asset.path : Cache::open().path_of(asset.digest);
    size = std::filesystem::file_size(path, failed);
  } catch (const Error&) {
    return std::nullopt;
  }
  return failed ? std::nullopt : std::optional<std::uint64_t>(size);
}

std::string where_from(const Asset& asset) {
  return !asset.urls.empty()   ? display_url(asset.urls.front())
         : !asset.path.empty() ? asset.path
                               : format("the file that {} names", asset.env);
}

std::string asset_line(const Asset& asset) {
  const auto size = cached_size(asset);
  return format("  asset {}: {}, {}\n", asset.name,
                size                 ? format_size(*size)
                : asset.urls.empty() ? "not here"
                                     : "not in the cache",
                where_from(asset));
}

// "flaky (URL), slow" and the other conditions that a person may have to do something about.
std::string held_back(const Subtest& subtest) {
  std::vector<std::string> words;
  for (const auto& [key, value] : subtest.required.items()) {
    if (key == "machine") {
      continue;
    }
    words.push_back(key == "flaky"       ? format("flaky {}", flaky_text(flaky_of(value)))
                    : value.is_boolean() ? key
                    : value.is_string()
                        ? format("{} {}", key, value.get<std::string>())
                        : format("{} {}", key, join(value.get<std::vector<std::string>>(), "|")));
  }
  return join(words, ", ");
}

std::string machines_of(const Subtest& subtest) {
  std::vector<std::string> machines;
  for (const Phase& phase : subtest.phases) {
    for (const Vm& vm : phase.vms) {
      std::string machine = vm.values.value("machine", "default machine");
      if (std::find(machines.begin(), machines.end(), machine) == machines.end()) {
        machines.push_back(std::move(machine));
      }
    }
  }
  return machines.empty() ? "no machine" : join(machines, " ");
}

std::string subtest_line(const Definition& definition, const Subtest& subtest) {
  std::string text = format("  {}: {}", subtest.name, machines_of(subtest));
  if (!subtest.summary.empty() && subtest.summary != definition.summary) {
    text += "; " + subtest.summary;
  }
  const std::string conditions = held_back(subtest);
  text += conditions.empty() ? "" : "; requires " + conditions;
  text += subtest.tags.empty() ? "" : "; tags " + join(subtest.tags, " ");
  return text + "\n";
}

// Leaves out what says nothing, so that a reader sees what is there.
void put(Json& object, const char* key, Json value) {
  if (!value.is_null() && value != "" && value != false && value != Json::array() &&
      value != Json::object()) {
    object[key] = std::move(value);
  }
}

Json steps_json(const std::vector<Step>& steps) {
  Json list = Json::array();
  for (const Step& step : steps) {
    list.push_back(step.values);
    if (const Json* const fail = step.find("fail")) {
      list.back()["fail"] = with_sets_put_in(*fail);
    }
  }
  return list;
}

Json phase_json(const Phase& phase) {
  Json object = Json::object();
  Json vms = Json::array();
  for (const Vm& vm : phase.vms) {
    vms.push_back(vm.values);
    vms.back()["name"] = vm.name;
  }
  put(object, "vms", std::move(vms));
  for (const auto& [name, value] : phase.dialogue.items()) {
    object[name] = name == "fail" ? with_sets_put_in(value) : value;
  }
  put(object, "prepare", steps_json(phase.prepare));
  put(object, "steps", steps_json(phase.steps));
  Json checks = Json::array();
  for (const NamedCheck& check : phase.checks) {
    Json entry = {{"name", check.name}, {"steps", steps_json(check.steps)}};
    put(entry, "summary", check.summary);
    checks.push_back(std::move(entry));
  }
  put(object, "checks", std::move(checks));
  put(object, "verify", steps_json(phase.verify));
  return object;
}

Json asset_json(const Asset& asset) {
  const auto size = cached_size(asset);
  Json object = {{"name", asset.name}, {"cached", size ? Json(*size) : Json(nullptr)}};
  put(object, "urls", asset.urls);
  put(object, "digest", asset.digest);
  put(object, "env", asset.env);
  put(object, "path", asset.path);
  return object;
}

Json file_json(const FileRule& file) {
  Json object = {{"name", file.name}};
  put(object, "from", file.from);
  put(object, "member", file.member);
  put(object, "format", file.format);
  put(object, "resize", file.resize);
  put(object, "directory", file.directory);
  put(object, "writable", file.writable);
  put(object, "text", file.text);
  return object;
}

Json subtest_json(const Definition& definition, const Subtest& subtest) {
  Json object = {
      {"name", full_name(definition, subtest)},
      {"file", definition.path},
      {"arch", definition.arch},
      {"stem", definition.stem},
      {"subtest", subtest.name},
      {"summary", subtest.summary},
      {"suite", suite_name(definition.suite)},
      {"tags", tags_of(definition, subtest)},
  };
  put(object, "requires", subtest.required);
  Json assets = Json::array();
  for (const std::string& name : assets_of(definition, subtest)) {
    assets.push_back(asset_json(definition.assets.at(name)));
  }
  put(object, "assets", std::move(assets));
  Json files = Json::array();
  for (const std::string& name : files_of(definition, subtest)) {
    files.push_back(file_json(definition.files.at(name)));
  }
  put(object, "files", std::move(files));
  for (const Phase& phase : subtest.phases) {
    object["phases"].push_back(phase_json(phase));
  }
  return object;
}

} // namespace

std::string short_listing(const std::vector<Selected>& selected) {
  std::string text;
  for (const auto& [definition, subtest, checks] : selected) {
    const bool has_own = !subtest->summary.empty() && subtest->summary != definition->summary;
    text += format("{}\t{}{}\n", full_name(*definition, *subtest), definition->summary,
                   has_own ? ": " + subtest->summary : "");
    for (const NamedCheck& check : checks_named(*subtest, checks)) {
      text += format("{}/{}\t{}\n", full_name(*definition, *subtest), check.name, check.summary);
    }
  }
  return text;
}

std::string long_listing(const std::vector<Selected>& selected) {
  std::string text;
  const Definition* last = nullptr;
  for (const auto& [definition, subtest, checks] : selected) {
    if (definition != last) {
      text += format("{}{}/{} ({}): {}\n", last == nullptr ? "" : "\n", definition->arch,
                     definition->stem, suite_name(definition->suite), definition->summary);
      for (const auto& [name, asset] : definition->assets) {
        text += asset_line(asset);
      }
      last = definition;
    }
    text += subtest_line(*definition, *subtest);
  }
  return text;
}

std::string json_listing(const std::vector<Selected>& selected) {
  std::string text;
  for (const auto& [definition, subtest, checks] : selected) {
    text += dump_json(json_without_secrets(subtest_json(*definition, *subtest))) + "\n";
  }
  return text;
}

std::string meson_listing(const std::vector<Selected>& selected) {
  std::string text;
  std::set<std::string> seen;
  for (const auto& [definition, subtest, checks] : selected) {
    const std::string arch = definition->arch == k_generic ? "*" : definition->arch;
    const std::string name = format("func-{}-{}", arch, definition->stem);
    text += seen.insert(name).second ? name + "\n" : "";
  }
  return text;
}

} // namespace qt
