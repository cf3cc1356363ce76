#include "extract/prepared_files.hh"

#include "base/error.hh"
#include "definition/made_file.hh"
#include "extract/unpack.hh"
#include "os/file.hh"
#include "os/file_lock.hh"

#include <map>
#include <optional>

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
  // The asset that a file comes from in the end has a digest, and so the file never changes.
  bool is_wanted(const FileRule& file) const {
    if (file.has_text || !file.make.empty() || (file.writable && file.directory)) {
      return false;
    }
    if (!file.from_asset) {
      return is_wanted(m_definition.files.at(file.from));
    }
    const Asset& asset = m_definition.assets.at(file.from);
    return asset.env.empty() && asset.path.empty();
  }

  // Where the file is; nothing if it could not be made.
  std::optional<std::string> make(const FileRule& file) {
    const auto known = m_made.find(file.name);
    if (known != m_made.end()) {
      return known->second;
    }
    const std::string path = m_folder + "/" + file.file_name;
    const std::string origin = origin_of(m_definition, file);
    std::optional<std::string> made =
        is_right(file, path, origin) ? std::optional(path) : std::nullopt;
    if (!made) {
      const std::optional<std::string> source =
          file.from_asset ? asset(file) : make(m_definition.files.at(file.from));
      const FileLock lock = await_lock(made_file_lock(path));
      if (source && (is_right(file, path, origin) || make_from(file, *source, path, origin))) {
        made = path;
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
    for (const std::string& asset : m_definition.assets_behind(file.name)) {
      m_cache.touch(m_definition.assets.at(asset).digest);
    }
    return true;
  }

  std::optional<std::string> asset(const FileRule& file) {
    const Asset& asset = m_definition.assets.at(file.from);
    if (m_cache.state(asset.digest) == Cache::State::verified) {
      m_cache.touch(asset.digest);
      m_holds.push_back(m_cache.hold(asset.digest));
      return m_cache.path_of(asset.digest);
    }
    m_result.missing.push_back(
        format("file {}: asset {} is not in the cache; qt-fetch brings it", file.name, file.from));
    return std::nullopt;
  }

  bool make_from(const FileRule& file, const std::string& source, const std::string& path,
                 const std::string& origin) {
    try {
      remove_made_file(path);
      unpack(source, unpack_rule_of(file), {path});
      record_made_file(path, origin);
      return true;
    } catch (const Error& error) {
      m_result.failed.push_back(format("file {}: {}", file.name, error.what()));
      // What is wrong with the host matters more than what is wrong with a file.
      m_result.worst = std::max(m_result.worst, error.code());
      return false;
    }
  }

  const Definition& m_definition;
  const Cache& m_cache;
  std::string m_folder;
  PreparedFiles m_result;
  std::vector<std::optional<FileLock>> m_holds;
  std::map<std::string, std::optional<std::string>> m_made;
};

} // namespace

PreparedFiles make_prepared_files(const Definition& definition, const Cache& cache,
                                  const std::string& folder) {
  make_directories(folder);
  return Maker(definition, cache, absolute_path(folder)).run();
}

} // namespace qt
