#include "tap/preparation.hh"

#include "base/error.hh"
#include "base/secrets.hh"
#include "cache/cache.hh"
#include "data/url.hh"
#include "definition/made_file.hh"
#include "os/file.hh"
#include "schema/key_option.hh"

namespace qt {

namespace {

// Plans one payload after what it is made from.
class Planner {
public:
  Planner(const Definition& definition, const PayloadPlaces& places)
    : m_definition(definition)
    , m_places(places) {}

  void asset(const std::string& name) {
    const Asset& asset = m_definition.assets.at(name);
    Preparation step;
    step.variable = "asset." + name;
    if (m_plan.paths.contains(step.variable)) {
      return;
    }
    std::vector<std::string> urls = asset.urls;
    if (!asset.path.empty()) {
      step.path = host_path_of(asset);
      missing_if(step.path.empty(), format("{} is not there; install what brings it", asset.path));
    } else if (!asset.env.empty()) {
      step.path = host_path_of(asset);
      missing_if(step.path.empty(),
                 format("asset {} is the user's own; set {} to its path", name, asset.env));
      missing_if(!step.path.empty() && !exists(step.path),
                 format("asset {}: {} ({}) is not there", name, step.path, asset.env));
      urls = {file_url(step.path)};
    }
    if (!asset.digest.empty() && m_plan.missing.empty()) {
      cached(asset, urls, step);
    }
    add(std::move(step));
  }

  void file(const std::string& name) {
    const FileRule& rule = m_definition.files.at(name);
    Preparation step;
    step.variable = "file." + name;
    if (m_plan.paths.contains(step.variable)) {
      return;
    }
    if (rule.has_text) {
      step.kind = Preparation::Kind::text;
      step.path = m_places.scratch + "/" + rule.file_name;
      step.text = rule.text;
      add(std::move(step));
      return;
    }
    // A tree to write to, and what is made of a text, which has values of the subtest in it.
    const bool is_own = (rule.writable && rule.directory) || m_definition.asset_of(name).empty();
    if (!is_own) {
      step.origin = origin_of(m_definition, rule);
    }
    if (const std::optional<std::string> ready = find_ready(rule, step.origin)) {
      from_ready(rule, *ready, step);
    } else {
      from_source(rule, step);
    }
    add(std::move(step));
  }

  PreparationPlan result() { return std::move(m_plan); }

private:
  void missing_if(bool condition, const std::string& why) {
    if (condition && m_plan.missing.empty()) {
      m_plan.missing = why;
    }
  }

  void add(Preparation step) {
    m_plan.paths[step.variable] = step.path;
    m_plan.steps.push_back(std::move(step));
  }

  // URLs with secrets stay in the definition: a command line is there for everybody to see.
  std::vector<std::string> fetch_command(const Asset& asset,
                                         const std::vector<std::string>& urls) const {
    std::vector<std::string> words = {m_places.programs.fetch};
    for (const std::string& url : urls) {
      if (!secrets_in(url).empty()) {
        words.insert(words.end(), {"--definition", m_definition.path, "--asset", asset.name});
        return words;
      }
    }
    if (asset.size) {
      words.insert(words.end(), {"--size", std::to_string(*asset.size)});
    }
    words.insert(words.end(), urls.begin(), urls.end());
    words.push_back(asset.digest);
    return words;
  }

  void cached(const Asset& asset, const std::vector<std::string>& urls, Preparation& step) const {
    const Cache cache = Cache::open();
    step.path = cache.path_of(asset.digest);
    step.command = fetch_command(asset, urls);
    if (cache.state(asset.digest) == Cache::State::verified) {
      cache.touch(asset.digest);
    } else {
      step.kind = Preparation::Kind::fetch;
    }
  }

  // Where a rule's source is, or would be.
  std::string source_of(const FileRule& rule) {
    if (rule.from_asset) {
      asset(rule.from);
      return m_plan.paths.at("asset." + rule.from);
    }
    file(rule.from);
    return m_plan.paths.at("file." + rule.from);
  }

  std::vector<std::string> command(const FileRule& rule, const std::string& path,
                                   const std::string& source) const {
    std::vector<std::string> words = {m_places.programs.extract};
    const auto option = [&words](const char* key, const Json& value) {
      append_options(*find_key(file_keys(), key), value, words);
    };
    for (const auto& [key, text] :
         {std::pair("member", rule.member), std::pair("format", rule.format),
          std::pair("resize", rule.resize)}) {
      if (!text.empty()) {
        option(key, text);
      }
    }
    for (const auto& [key, flag] :
         {std::pair("directory", rule.directory), std::pair("first", rule.first),
          std::pair("skip-devices", rule.skip_devices), std::pair("writable", rule.writable)}) {
      if (flag) {
        option(key, true);
      }
    }
    words.insert(words.end(), {"--output", path, source});
    return words;
  }

  void from_source(const FileRule& rule, Preparation& step) {
    step.source = source_of(rule);
    const bool is_own = rule.writable || step.origin.empty();
    step.path = (is_own ? m_places.scratch : m_places.shared) + "/" + rule.file_name;
    step.command = command(rule, step.path, step.source);
    step.kind = is_own ? Preparation::Kind::own : Preparation::Kind::shared;
  }

  // Where somebody has made the file, or what a writable one is to be a copy of.
  std::optional<std::string> find_ready(const FileRule& rule, const std::string& origin) const {
    if (origin.empty()) {
      return std::nullopt;
    }
    const Look look = look_from_environment();
    for (const std::string& folder : {m_places.prepared, m_places.shared}) {
      const std::string path = folder + "/" + rule.file_name;
      if (!folder.empty() && look_at_made_file(path, origin, look) == MadeFile::right) {
        return path;
      }
    }
    return std::nullopt;
  }

  void from_ready(const FileRule& rule, const std::string& ready, Preparation& step) const {
    const Asset& asset = m_definition.assets.at(m_definition.asset_of(rule.name));
    if (!asset.digest.empty()) {
      Cache::open().touch(asset.digest); // it is in use although nothing is made of it
    }
    step.path = ready;
    if (rule.writable) {
      step.kind = Preparation::Kind::own;
      step.source = ready;
      step.path = m_places.scratch + "/" + rule.file_name;
      step.command = {m_places.programs.extract,
                      "--format",
                      "raw",
                      "--writable",
                      "--output",
                      step.path,
                      step.source};
    }
  }

  const Definition& m_definition;
  const PayloadPlaces& m_places;
  PreparationPlan m_plan;
};

} // namespace

PreparationPlan plan_preparation(const Definition& definition,
                                 const std::vector<std::string>& variables,
                                 const PayloadPlaces& places) {
  constexpr std::string_view k_asset = "asset.";
  constexpr std::string_view k_file = "file.";
  Planner planner(definition, places);
  for (const std::string& variable : variables) {
    if (variable.starts_with(k_asset)) {
      planner.asset(variable.substr(k_asset.size()));
    } else if (variable.starts_with(k_file)) {
      planner.file(variable.substr(k_file.size()));
    }
  }
  return planner.result();
}

} // namespace qt
