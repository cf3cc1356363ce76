#include "tap/run_directory.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "os/file.hh"

#include <cerrno>
#include <cstdio>
#include <set>
#include <system_error>
#include <vector>

namespace qt {

namespace {

std::optional<FileLock> lock_folder(const std::string& path, const std::string& repeater) {
  make_directories(parent_of(path));
  const std::string file = parent_of(path) + "/." + base_name(path) + ".lock";
  std::optional<FileLock> lock = FileLock::acquire(file);
  if (lock && !repeater.empty()) {
    if (read_file(file) == repeater) {
      return std::nullopt;
    }
    write_file(file, repeater);
  }
  return lock;
}

} // namespace

RunDirectory::RunDirectory(const std::string& wanted, const std::string& repeater)
  : m_path(wanted)
  , m_lock(lock_folder(wanted, repeater)) {
  for (int i = 2; !m_lock; ++i) {
    m_path = format("{}.{}", wanted, i);
    m_lock = lock_folder(m_path, repeater);
  }
}

void remove_repetitions(const std::string& wanted) {
  const std::string begin = base_name(wanted) + ".";
  std::error_code error; // without the folder there are none
  for (const std::string& name : names_in(parent_of(wanted), error)) {
    const bool is_repetition =
        name.size() > begin.size() && name.starts_with(begin) &&
        name.find_first_not_of("0123456789", begin.size()) == std::string::npos;
    const std::string path = parent_of(wanted) + "/" + name;
    if (const std::optional<FileLock> lock = is_repetition ? lock_folder(path, "") : std::nullopt) {
      remove_tree(path);
    }
  }
}

std::string try_folder(std::size_t number) { return format("try{}", number); }

void set_try_aside(const std::string& run_dir, std::size_t number) {
  std::set<std::string> stay;
  for (std::size_t i = 1; i <= number; ++i) {
    stay.insert(try_folder(i));
  }
  const std::string folder = run_dir + "/" + try_folder(number);
  make_directories(folder);
  std::error_code error;
  for (const std::string& name : names_in(run_dir, error)) {
    const std::string from = run_dir + "/" + name;
    if (!stay.contains(name) && std::rename(from.c_str(), (folder + "/" + name).c_str()) < 0) {
      throw errno_error(errno, format("moving {} into {}", from, folder));
    }
  }
  if (error) {
    throw errno_error(error.value(), "reading " + run_dir);
  }
}

} // namespace qt
