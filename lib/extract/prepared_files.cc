#include "extract/prepared_files.hh"

#include "base/error.hh"
#include "data/json.hh"
#include "definition/made_file.hh"
#include "extract/command_file.hh"
#include "extract/unpack.hh"
#include "os/file.hh"
#include "os/file_lock.hh"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace qt {

namespace {

UnpackRule unpack_rule_of(const FileRule& file) {
  UnpackRule rule;
  if (!file.member.empty()) {
    rule.members.push_back(file.member);
  }
  if (!file.format.empty()) {
    rule.format = parse_format(file.format);
  }
  if (!file.resize.empty()) {
    rule.resize = parse_resize(file.resize);
  }
  rule.directory = file.directory;
  rule.first = file.first;
  rule.devices = file.skip_devices ? Devices::leave_out_quietly : Devices::leave_out;
  rule.existing = Existing::replace; // the folder is for nothing else
  return rule;
}

CommandRule command_rule_of(const FileRule& file, const std::map<std::string, std::string>& paths) {
  const MakeArguments arguments = make_arguments(file, paths);
  CommandRule rule;
  rule.words = arguments.words;
  rule.inputs = arguments.inputs;
  rule.timeout = parse_duration(file.timeout).value_or(rule.timeout);
  return rule;
}

class Maker {
public:
  Maker(const Definition& definition, const Cache& cache, std::string folder)
    : m_definition(definition)
    , m_cache(cache)
    , m_folder(std::move(folder)) {}

  PreparedFiles run() {
    for (const auto& [name, file] : m_definition.files) {
      if (is_wanted(file)) {
        make(file);
      }
    }
    return std::move(m_result);
  }

private:
  bool is_wanted(const FileRule& file) const {
    if (m_definition.has_text_for(file.name) || (file.writable && file.directory)) {
      return false;
    }
    const std::set<std::string> files = m_definition.files_for(file.name);
    const bool by_command = std::any_of(files.begin(), files.end(), [this](const auto& name) {
      return !m_definition.files.at(name).make.empty();
    });
    if (by_command) {
      return has_all_of_host(files) && is_of_use(file.name);
    }
    const std::set<std::string> assets = m_definition.assets_for(file.name);
    return std::none_of(assets.begin(), assets.end(),
                        [this](const auto& name) { return is_of_host(name); });
  }

  bool is_of_host(const std::string& asset) const {
    return !m_definition.assets.at(asset).env.empty() ||
           !m_definition.assets.at(asset).path.empty();
  }

  // As for a test: where something of the host is missing, there is nothing to make. What lies
  // beside the definition belongs to it, so that its command may complain.
  bool has_all_of_host(const std::set<std::string>& files) const {
    for (const std::string& name : files) {
      for (const std::string& source : sources_of(m_definition.files.at(name))) {
        const std::string asset = asset_in(source);
        const bool is_path = asset.empty() && file_in(source).empty();
        const bool is_own = is_path && source.starts_with(m_definition.folder + "/");
        const std::string path = is_path ? source
                                 : !asset.empty() && is_of_host(asset)
                                     ? host_path_of(m_definition.assets.at(asset))
                                     : m_definition.folder;
        if (!is_own && !exists(path)) {
          return false;
        }
      }
    }
    return true;
  }

  // A command fails where the programs are not there for which its tests are skipped.
  bool is_of_use(const std::string& file) const {
    const auto& subtests = m_definition.subtests;
    return std::any_of(subtests.begin(), subtests.end(), [&](const Subtest& subtest) {
      const std::vector<std::string> commands = json_texts(subtest.required, "commands");
      return !subtest.required.contains("disabled") &&
             std::all_of(commands.begin(), commands.end(),
                         [](const auto& name) { return find_program(name).has_value(); }) &&
             files_of(m_definition, subtest).contains(file);
    });
  }

  // Where the file is; nothing if it could not be made.
  std::optional<std::string> make(const FileRule& file) {
    const auto known = m_made.find(file.name);
    if (known != m_made.end()) {
      return known->second;
    }
    const std::string path = m_folder + "/" + file.file_name;
    const std::string origin = origin_of(m_definition, file);
    std::optional<std::string> made;
    if (is_right(file, path, origin) && begin_use(file, path, origin)) {
      made = path;
    } else {
      const std::optional<Paths> sources = make_sources(file);
      const FileLock lock = await_lock(made_file_lock(path));
      if (sources && (is_right(file, path, origin) || make_from(file, *sources, path, origin))) {
        made = path;
        begin_use(file, path, origin);
      } else {
        remove_made_file(path); // what an earlier definition made is not what is asked for now
      }
    }
    if (made) {
      m_result.made.push_back(path);
    }
    return m_made[file.name] = made;
  }

  // A subtest may be about to make the same.
  static FileLock await_lock(const std::string& name) {
    constexpr Duration k_longest_wait = std::chrono::hours(1);
    std::optional<FileLock> lock = FileLock::await(name, Deadline::after(k_longest_wait));
    if (!lock) {
      throw Error(format("{} has held {} for {}; end it", holder_of_lock(name), name,
                         format_duration(k_longest_wait)));
    }
    return std::move(*lock);
  }

  bool is_right(const FileRule& file, const std::string& path, const std::string& origin) const {
    if (look_at_made_file(path, origin, look_from_environment()) != MadeFile::right) {
      return false;
    }
    // The asset, if it is still there, is in use although nothing has to be made of it.
    for (const std::string& name : m_definition.assets_for(file.name)) {
      if (const Asset& asset = m_definition.assets.at(name); !asset.digest.empty()) {
        m_cache.touch(asset.digest);
      }
    }
    return true;
  }

  using Paths = std::map<std::string, std::string>; // of "asset.N" and "file.N"

  // Nothing if one of them cannot be had.
  std::optional<Paths> make_sources(const FileRule& file) {
    Paths paths;
    for (const std::string& source : sources_of(file)) {
      const std::string asset_name = asset_in(source);
      const std::string file_name = file_in(source);
      if (asset_name.empty() && file_name.empty()) {
        continue; // a path itself
      }
      const std::optional<std::string> path =
          file_name.empty() ? asset(file, asset_name) : make(m_definition.files.at(file_name));
      if (!path) {
        return std::nullopt;
      }
      paths[source] = *path;
    }
    return paths;
  }

  std::optional<std::string> asset(const FileRule& file, const std::string& name) {
    const Asset& asset = m_definition.assets.at(name);
    if (asset.digest.empty()) {
      return host_path_of(asset);
    }
    if (m_cache.state(asset.digest) == Cache::State::verified) {
      m_cache.touch(asset.digest);
      m_holds.push_back(m_cache.hold(asset.digest));
      return m_cache.path_of(asset.digest);
    }
    m_result.missing.push_back(
        format("file {}: asset {} is not in the cache; qt-fetch brings it", file.name, name));
    return std::nullopt;
  }

  bool make_from(const FileRule& file, const Paths& sources, const std::string& path,
                 const std::string& origin) {
    try {
      remove_made_file(path);
      if (file.make.empty()) {
        unpack(sources.begin()->second, unpack_rule_of(file), {path});
      } else {
        make_by_command(command_rule_of(file, sources), path);
      }
      for (const auto& source : sources) {
        need_same(file_in(source.first));
      }
      record_made_file(path, origin);
      return true;
    } catch (const Error& error) {
      m_result.failed.push_back(format("file {}: {}", file.name, error.what()));
      // What is wrong with the host matters more than what is wrong with a file.
      m_result.worst = std::max(m_result.worst, error.code());
      return false;
    }
  }

  // Another run may have made it anew, for another definition, while something was made of it.
  void need_same(const std::string& file) const {
    const auto use = m_uses.find(file);
    if (use != m_uses.end() && !use->second.is_same()) {
      throw Error(format("{} was made anew while it was used; another run has the same --prepared: "
                         "let them run one after the other",
                         use->second.path()));
    }
  }

  // False if its record cannot be believed.
  bool begin_use(const FileRule& file, const std::string& path, const std::string& origin) {
    const MadeFileUse use(path, origin);
    if (use.has_record()) {
      m_uses.insert_or_assign(file.name, use);
    }
    return use.has_record();
  }

  const Definition& m_definition;
  const Cache& m_cache;
  std::string m_folder;
  PreparedFiles m_result;
  std::vector<std::optional<FileLock>> m_holds;
  std::map<std::string, std::optional<std::string>> m_made;
  std::map<std::string, MadeFileUse> m_uses; // of these
};

} // namespace

PreparedFiles make_prepared_files(const Definition& definition, const Cache& cache,
                                  const std::string& folder) {
  make_directories(folder);
  return Maker(definition, cache, absolute_path(folder)).run();
}

} // namespace qt
