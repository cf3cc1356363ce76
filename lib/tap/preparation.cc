#include "tap/preparation.hh"

#include "base/error.hh"
#include "base/secrets.hh"
#include "base/shell_words.hh"
#include "cache/cache.hh"
#include "data/digest.hh"
#include "os/file.hh"
#include "schema/key_option.hh"

#include <cstdlib>
#include <glob.h>
#include <sys/stat.h>

namespace qt {

namespace {

// The last in order of those that fit; empty if none does.
std::string last_match(const std::string& pattern) {
  glob_t found = {};
  std::string path;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0 && found.gl_pathc > 0) {
    path = found.gl_pathv[found.gl_pathc - 1];
  }
  ::globfree(&found);
  return path;
}

std::string file_url(const std::string& path) {
  constexpr std::string_view k_plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~";
  std::string url = "file://";
  for (const char letter : path) {
    url += k_plain.find(letter) != std::string_view::npos
               ? std::string(1, letter)
               : format("%{:02X}", static_cast<unsigned char>(letter));
  }
  return url;
}

std::string time_text(const timespec& time) {
  return format("{}.{:09}", time.tv_sec, time.tv_nsec);
}

// "SIZE MTIME INODE CTIME" of a file or folder; empty if it is not there. Where all files have the
// same MTIME (Nix: 1, ostree: 0) and the file system may be an image with times and numbers of its
// own, also the digest of the content.
std::string marks_of(const std::string& path) {
  constexpr time_t k_last_meaningless = 1;
  struct stat status;
  if (::stat(path.c_str(), &status) < 0) {
    return "";
  }
  const std::string marks = format("{} {} {} {}", status.st_size, time_text(status.st_mtim),
                                   status.st_ino, time_text(status.st_ctim));
  return S_ISREG(status.st_mode) && status.st_mtim.tv_sec <= k_last_meaningless
             ? marks + " " + digest_of_file(path, DigestKind::sha256)
             : marks;
}

} // namespace

std::string record_path(const std::string& file) {
  return parent_of(file) + "/." + base_name(file) + ".made";
}

// What the record of a shared file must say for the file to be right.
std::string record_of(const Preparation& preparation) {
  return shell_join(preparation.command) + "\n" + marks_of(preparation.source) + "\n";
}

bool is_up_to_date(const Preparation& preparation) {
  return exists(preparation.path) &&
         read_file_if_exists(record_path(preparation.path)) == record_of(preparation);
}

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
      step.path = last_match(asset.path);
      missing_if(step.path.empty(), format("{} is not there; install what brings it", asset.path));
    } else if (!asset.env.empty()) {
      const char* const value = std::getenv(asset.env.c_str());
      const bool is_set = value != nullptr && *value != '\0';
      missing_if(!is_set,
                 format("asset {} is the user's own; set {} to its path", name, asset.env));
      step.path = is_set ? absolute_path(value) : "";
      missing_if(is_set && !exists(step.path),
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
    const std::string ready =
        m_places.prepared.empty() ? "" : m_places.prepared + "/" + rule.file_name;
    if (!ready.empty() && exists(ready) && !(rule.writable && rule.directory) &&
        is_current(rule, ready)) {
      from_prepared(rule, ready, step);
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
         {std::pair("directory", rule.directory), std::pair("skip-devices", rule.skip_devices),
          std::pair("writable", rule.writable)}) {
      if (flag) {
        option(key, true);
      }
    }
    words.insert(words.end(), {"--output", path, source});
    return words;
  }

  void from_source(const FileRule& rule, Preparation& step) {
    step.source = source_of(rule);
    step.path = (rule.writable ? m_places.scratch : m_places.shared) + "/" + rule.file_name;
    step.command = command(rule, step.path, step.source);
    if (rule.writable) {
      step.kind = Preparation::Kind::own;
    } else {
      step.kind = is_up_to_date(step) ? Preparation::Kind::there : Preparation::Kind::shared;
    }
  }

  void from_prepared(const FileRule& rule, const std::string& ready, Preparation& step) const {
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

  // A file in the prepared folder that this module made is looked at as closely as any; others are
  // the business of who made them.
  bool is_current(const FileRule& rule, const std::string& ready) {
    if (!exists(record_path(ready))) {
      return true;
    }
    Planner again(m_definition, m_places);
    Preparation step;
    step.source = again.source_of(rule);
    step.path = ready;
    step.command = command(rule, ready, step.source);
    return is_up_to_date(step);
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
