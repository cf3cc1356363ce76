#include "file.hh"

#include "error.hh"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace qt {

namespace fs = std::filesystem;

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

AtomicFile::AtomicFile(std::string path, mode_t mode)
  : m_path(std::move(path))
  , m_temporary(m_path + ".XXXXXX") {
  m_fd.reset(::mkostemp(m_temporary.data(), O_CLOEXEC));
  if (!m_fd) {
    throw errno_error(errno, format("creating a temporary file for {}", m_path));
  }
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(m_fd.get(), mode & ~mask);
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
    while (::flock(fd.get(), LOCK_EX | (wait == Wait::no ? LOCK_NB : 0)) < 0) {
      if (errno == EWOULDBLOCK) {
        return std::nullopt;
      }
      if (errno != EINTR) {
        throw errno_error(errno, format("locking {}", path));
      }
    }
    // Who held it may have removed the file: then others lock a new one of that name.
    struct stat locked;
    struct stat named;
    if (::fstat(fd.get(), &locked) == 0 && ::stat(path.c_str(), &named) == 0 &&
        locked.st_ino == named.st_ino && locked.st_dev == named.st_dev) {
      return FileLock(std::move(fd));
    }
  }
}

std::optional<FileLock> FileLock::share(const std::string& path) noexcept {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_SH | LOCK_NB) < 0) {
    return std::nullopt;
  }
  return FileLock(std::move(fd));
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
