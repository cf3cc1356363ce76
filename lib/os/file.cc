#include "os/file.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/text.hh"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/random.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace qt {

namespace fs = std::filesystem;

namespace {

// Fills the six letters at the end.
void name_at_random(std::string& name) {
  constexpr std::string_view k_letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::array<unsigned char, 6> random{};
  (void)!::getrandom(random.data(), random.size(), 0); // so few bytes never fail
  for (std::size_t i = 0; i < random.size(); ++i) {
    name[name.size() - random.size() + i] = k_letters[random[i] % k_letters.size()];
  }
}

void need_regular(int fd, const std::string& path) {
  struct stat status;
  if (::fstat(fd, &status) < 0) {
    throw errno_error(errno, format("looking at {}", path));
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(format("reading {}: it is {}, not a regular file", path,
                       S_ISDIR(status.st_mode)    ? "a folder"
                       : S_ISFIFO(status.st_mode) ? "a fifo"
                       : S_ISSOCK(status.st_mode) ? "a socket"
                                                  : "a device"),
                ExitCode::usage);
  }
}

} // namespace

UniqueFd open_regular_file(const std::string& path) {
  UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  need_regular(fd.get(), path);
  return fd;
}

std::string read_file(const std::string& path, std::size_t most) {
  return read_to_end(open_regular_file(path).get(), path, most);
}

std::optional<std::string> read_file_if_exists(const std::string& path, std::size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return std::nullopt;
    }
    throw errno_error(errno, format("opening {}", path));
  }
  need_regular(fd.get(), path);
  return read_to_end(fd.get(), path, most);
}

std::optional<std::string> read_small_file(const std::string& path, Writer writer) noexcept {
  constexpr off_t k_limit = 64 << 10;
  try {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status;
    if (!fd || ::fstat(fd.get(), &status) < 0 || !S_ISREG(status.st_mode) ||
        status.st_size > k_limit) {
      return std::nullopt;
    }
    const bool owned = status.st_uid == ::geteuid() || status.st_uid == 0;
    if (writer == Writer::trusted && (!owned || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)) {
      return std::nullopt;
    }
    return read_to_end(fd.get(), path);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string read_tail(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status;
  if (!fd || ::fstat(fd.get(), &status) < 0 || !S_ISREG(status.st_mode)) {
    return "";
  }
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  const off_t start = size > static_cast<off_t>(limit) ? size - static_cast<off_t>(limit) : 0;
  ::lseek(fd.get(), start, SEEK_SET);
  return read_to_end(fd.get(), path);
}

void write_file(const std::string& path, std::string_view bytes) {
  write_all(open_file(path, O_WRONLY | O_CREAT | O_TRUNC).get(), bytes, path);
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void make_directories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw Error(format("creating the folder {}: {}", path, error.message()));
  }
}

std::vector<std::string> names_in(const std::string& path, std::error_code& error) {
  std::vector<std::string> names;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

namespace {

// Lets the owner enter and change all folders of a tree.
void open_up(const std::string& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) < 0 || !S_ISDIR(status.st_mode)) {
    return;
  }
  if ((status.st_mode & S_IRWXU) != S_IRWXU) {
    ::chmod(path.c_str(), (status.st_mode | S_IRWXU) & 07777);
  }
  std::error_code ignored;
  for (const std::string& name : names_in(path, ignored)) {
    open_up(path + "/" + name);
  }
}

constexpr std::string_view k_left = ".left-";

// A free name beside `path`; false if it cannot be renamed.
bool move_aside(const std::string& path) {
  for (int number = 1;; ++number) {
    const std::string aside = format("{}{}{}", path, k_left, number);
    if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) == 0) {
      return true;
    }
    const bool cannot_tell = errno == EINVAL || errno == ENOSYS; // not every file system can
    if (cannot_tell && !exists(aside) && ::rename(path.c_str(), aside.c_str()) == 0) {
      return true;
    }
    if (!exists(aside)) {
      return false;
    }
  }
}

} // namespace

void remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) {
    open_up(path);
    fs::remove_all(path, error);
  }
  if (error) {
    throw Error(format("removing {}: {}", path, error.message()));
  }
}

std::vector<std::string> make_empty_directory(const std::string& path) {
  std::vector<std::string> left;
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(path, error))) {
    remove_tree(path);
    make_directories(path);
    return left;
  }
  bool is_empty = true;
  const std::vector<std::string> names = names_in(path, error);
  if (error) {
    throw Error(format("emptying {}: {}", path, error.message()));
  }
  for (const std::string& name : names) {
    const std::string entry = path + "/" + name;
    try {
      remove_tree(entry);
    } catch (const Error& failure) {
      const bool was_moved = name.find(k_left) != std::string::npos;
      is_empty = (was_moved || move_aside(entry)) && is_empty;
      left.emplace_back(failure.what());
    }
  }
  if (!is_empty) {
    if (!move_aside(path)) {
      throw Error(format("{}; it cannot be renamed either; remove it by hand", left.back()));
    }
    make_directories(path);
  }
  return left;
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  if (error) {
    throw Error(format("finding the folder that the program runs in: {}", error.message()));
  }
  return whole.lexically_normal().string();
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         std::free);
  if (!real) {
    throw errno_error(errno, format("looking at {}", path));
  }
  return real.get();
}

std::string home_folder() {
  const std::string home = env::text("HOME");
  return !home.empty()
             ? home
             : home_in_passwd(read_file_if_exists("/etc/passwd").value_or(""), ::getuid());
}

std::string home_in_passwd(std::string_view passwd, uid_t user) {
  for (const std::string& line : split(passwd, '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    if (fields.size() == 7 && parse_integer(fields[2]) == user) {
      return fields[5];
    }
  }
  return "";
}

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string base_name(const std::string& path) { return fs::path(path).filename().string(); }

std::optional<std::string> find_program(const std::string& name) {
  const auto is_program = [](const std::string& path) {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) {
    return is_program(name) ? std::optional(name) : std::nullopt;
  }
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable != nullptr ? variable : "/usr/bin:/bin";
  for (;;) {
    const std::size_t colon = folders.find(':');
    const std::string_view folder = folders.substr(0, colon);
    const std::string path = format("{}/{}", folder.empty() ? "." : folder, name);
    if (!name.empty() && is_program(path)) {
      return path;
    }
    if (colon == std::string_view::npos) {
      return std::nullopt;
    }
    folders.remove_prefix(colon + 1);
  }
}

const std::string& folder_of_this_program() {
  static const std::string folder = [] {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    return error ? "/" : parent_of(self); // where it will find none of ours
  }();
  return folder;
}

std::string sibling_program(std::string_view name) {
  return find_program(format("{}/{}", folder_of_this_program(), name)).value_or(std::string(name));
}

AtomicFile::AtomicFile(std::string path, mode_t mode)
  : m_path(std::move(path))
  , m_temporary(m_path + ".XXXXXX") {
  // Not mkostemp(): the mode it gives would have to be changed by the umask, which threads share
  // and nobody can read without setting it.
  do {
    name_at_random(m_temporary);
    m_fd.reset(::open(m_temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  } while (!m_fd && errno == EEXIST);
  if (!m_fd) {
    const int number = errno;
    m_temporary.clear();
    throw errno_error(number, format("creating a temporary file for {}", m_path));
  }
}

AtomicFile::~AtomicFile() {
  if (!m_temporary.empty()) {
    ::unlink(m_temporary.c_str());
  }
}

void AtomicFile::write(std::string_view bytes) { write_all(m_fd.get(), bytes, m_path); }

void AtomicFile::commit() {
  if (::close(m_fd.release()) < 0) {
    throw errno_error(errno, format("writing {}", m_path));
  }
  if (::rename(m_temporary.c_str(), m_path.c_str()) < 0) {
    throw errno_error(errno, format("publishing {}", m_path));
  }
  m_temporary.clear();
}

TempDir::TempDir(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  m_path = format("{}/{}XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(m_path.data()) == nullptr) {
    throw errno_error(errno, format("creating a temporary folder {}", m_path));
  }
}

TempDir::~TempDir() {
  try {
    remove_tree(m_path);
  } catch (const std::exception&) {
    // nothing more can be done
  }
}

namespace {

bool is_device(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode));
}

} // namespace

void clear_stamp(const std::string& path) {
  struct stat status {};
  if (is_device(path) || (::lstat(path.c_str(), &status) < 0 && errno == ENOENT)) {
    return;
  }
  if (S_ISDIR(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode)) {
    throw Error(format("--stamp {}: it is {}, not a file", path,
                       S_ISDIR(status.st_mode) ? "a folder" : "a fifo or a socket"),
                ExitCode::usage);
  }
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) {
    throw errno_error(errno, format("removing the stamp {}", path));
  }
}

void write_stamp(const std::string& path) {
  if (!is_device(path)) {
    AtomicFile(path).commit();
  }
}

} // namespace qt
