#include "os/file.hh"

#include "base/error.hh"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
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

// Byte 0, wherever it is in the file: QEMU locks images at 100 and above.
int lock_first_byte(int fd, int command, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_len = 1;
  const int result = ::fcntl(fd, command, &range);
  return result == 0 && command == F_OFD_GETLK ? range.l_type : result;
}

// Who held the lock of a file may have removed it: then others lock a new one of that name.
bool is_still_named(int fd, const std::string& path) {
  struct stat locked;
  struct stat named;
  return ::fstat(fd, &locked) == 0 && ::stat(path.c_str(), &named) == 0 &&
         locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

} // namespace

std::string read_file(const std::string& path) {
  return read_to_end(open_file(path, O_RDONLY).get(), path);
}

std::optional<std::string> read_file_if_exists(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return std::nullopt;
    }
    throw errno_error(errno, format("opening {}", path));
  }
  return read_to_end(fd.get(), path);
}

std::string read_tail(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
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

void remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) {
    throw Error(format("removing {}: {}", path, error.message()));
  }
}

void make_empty_directory(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(path, error))) {
    remove_tree(path);
    make_directories(path);
    return;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    remove_tree(entry.path());
  }
}

std::string absolute_path(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         std::free);
  if (!real) {
    throw errno_error(errno, format("looking at {}", path));
  }
  return real.get();
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

std::string sibling_program(std::string_view name) {
  std::error_code ignored;
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
  return find_program(self.parent_path() / name).value_or(std::string(name));
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

std::optional<FileLock> FileLock::acquire(const std::string& path, Wait wait) {
  for (;;) {
    UniqueFd fd = open_file(path, O_RDWR | O_CREAT);
    while (lock_first_byte(fd.get(), wait == Wait::no ? F_OFD_SETLK : F_OFD_SETLKW, F_WRLCK) < 0) {
      if (wait == Wait::no && (errno == EAGAIN || errno == EACCES)) {
        return std::nullopt;
      }
      if (errno != EINTR) {
        throw errno_error(errno, format("locking {}", path));
      }
    }
    if (is_still_named(fd.get(), path)) {
      return FileLock(std::move(fd));
    }
  }
}

std::optional<FileLock> FileLock::share(const std::string& path) noexcept {
  for (;;) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd || lock_first_byte(fd.get(), F_OFD_SETLK, F_RDLCK) < 0) {
      return std::nullopt;
    }
    if (is_still_named(fd.get(), path)) {
      return FileLock(std::move(fd));
    }
  }
}

InUse in_use_elsewhere(const std::string& path) noexcept {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return InUse::unknown;
  }
  const int held = lock_first_byte(fd.get(), F_OFD_GETLK, F_WRLCK);
  if (held == F_RDLCK || held == F_WRLCK) {
    return InUse::yes;
  }
  // One who opens the file while the lease lasts has the kernel tell its holder, by a signal that
  // ends the program unless another is chosen; this one is ignored by default.
  ::fcntl(fd.get(), F_SETSIG, SIGURG);
  if (::fcntl(fd.get(), F_SETLEASE, F_WRLCK) < 0) {
    return errno == EAGAIN ? InUse::yes : InUse::unknown;
  }
  ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
  return InUse::no;
}

TempDir::TempDir(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  m_path = format("{}/{}XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(m_path.data()) == nullptr) {
    throw errno_error(errno, format("creating a temporary folder {}", m_path));
  }
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(m_path, ignored);
}

} // namespace qt
