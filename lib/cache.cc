#include "cache.hh"

#include "error.hh"
#include "text.hh"

#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::string_view k_record_version = "1";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// Side files are small and replaced whole; one that cannot be written costs work later, not truth.
void write_side_file(const std::string& path, std::string_view text) noexcept {
  try {
    AtomicFile file(path);
    file.write(text);
    file.commit();
  } catch (const std::exception&) {
  }
}

} // namespace

Cache Cache::open() {
  if (std::string folder = variable("QEMU_TEST_CACHE_DIR"); !folder.empty()) {
    return Cache(std::move(folder));
  }
  if (const std::string folder = variable("XDG_CACHE_HOME"); !folder.empty()) {
    return Cache(folder + "/qemu");
  }
  if (const std::string home = variable("HOME"); !home.empty()) {
    return Cache(home + "/.cache/qemu");
  }
  throw Error("finding the cache: HOME is not set; set QEMU_TEST_CACHE_DIR to a folder");
}

Cache::Cache(std::string root)
  : m_root(absolute_path(root))
  , m_folder(m_root + "/download") {}

std::string Cache::beside(std::string_view digest, std::string_view suffix) const {
  return format("{}/{}{}", m_folder, digest, suffix);
}

std::string Cache::path_of(std::string_view digest) const { return beside(digest, ""); }
std::string Cache::partial_path(std::string_view digest) const {
  return beside(digest, ".partial");
}

std::optional<std::string> Cache::marks(const std::string& path) noexcept {
  struct stat status;
  if (::stat(path.c_str(), &status) < 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  return format("{} {} {} {} {}\n", k_record_version, status.st_size, nanoseconds(status.st_mtim),
                status.st_ino, nanoseconds(status.st_ctim));
}

Cache::State Cache::state(std::string_view digest) const noexcept {
  const std::optional<std::string> now = marks(path_of(digest));
  if (!now) {
    return State::absent;
  }
  try {
    return read_file_if_exists(beside(digest, ".verified")) == now ? State::verified
                                                                   : State::unverified;
  } catch (const std::exception&) {
    return State::unverified;
  }
}

void Cache::touch(std::string_view digest) const noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  write_side_file(beside(digest, ".stamp"),
                  format("{}", std::chrono::duration_cast<std::chrono::seconds>(now).count()));
}

std::optional<FileLock> Cache::hold(std::string_view digest) const noexcept {
  return FileLock::share(path_of(digest));
}

FileLock Cache::lock(std::string_view digest) const {
  try {
    make_directories(m_folder);
    return *FileLock::acquire(beside(digest, ".lock"), FileLock::Wait::yes);
  } catch (const Error& error) {
    throw Error(format("using the cache {}: {}; set QEMU_TEST_CACHE_DIR to a writable folder",
                       m_folder, error.what()),
                error.code());
  }
}

bool Cache::verified_since(std::string_view digest,
                           std::chrono::system_clock::time_point time) const {
  struct stat status;
  if (state(digest) != State::verified ||
      ::stat(beside(digest, ".verified").c_str(), &status) < 0) {
    return false;
  }
  return std::chrono::nanoseconds(nanoseconds(status.st_mtim)) >= time.time_since_epoch();
}

void Cache::record(std::string_view digest, const std::string& marks_before) const noexcept {
  // A file that changed while it was hashed gets no record.
  if (marks(path_of(digest)) == marks_before) {
    write_side_file(beside(digest, ".verified"), marks_before);
  }
}

void Cache::quarantine(std::string_view digest) const noexcept {
  static_cast<void>(::rename(path_of(digest).c_str(), beside(digest, ".corrupt").c_str()));
}

std::optional<Cache::Resume> Cache::resume_of(std::string_view digest) const {
  const std::optional<std::string> text = read_file_if_exists(beside(digest, ".resume"));
  if (!text) {
    return std::nullopt;
  }
  const std::vector<std::string> lines = split(*text, '\n');
  if (lines.size() < 2) {
    return std::nullopt;
  }
  return Resume{lines[0], lines[1]};
}

void Cache::remember_resume(std::string_view digest, const Resume& resume) const noexcept {
  write_side_file(beside(digest, ".resume"), format("{}\n{}\n", resume.url, resume.validator));
}

void Cache::publish(std::string_view digest, std::string_view url) const {
  const std::string partial = partial_path(digest);
  const std::string path = path_of(digest);
  if (::chmod(partial.c_str(), 0440) < 0) {
    throw errno_error(errno, format("setting the mode of {}", partial));
  }
  // Not every file system has these; nothing here reads them back.
  static_cast<void>(::setxattr(partial.c_str(), "user.qemu-asset-url", url.data(), url.size(), 0));
  static_cast<void>(
      ::setxattr(partial.c_str(), "user.qemu-asset-hash", digest.data(), digest.size(), 0));
  if (::rename(partial.c_str(), path.c_str()) < 0) {
    throw errno_error(errno, format("publishing {}", path));
  }
  // Renaming changes the inode's ctime, so the record can only be made now. A process killed in
  // between leaves a right file that is hashed once more.
  if (const std::optional<std::string> now = marks(path)) {
    record(digest, *now);
  }
  touch(digest);
  discard_partial(digest);
}

void Cache::discard_partial(std::string_view digest) const noexcept {
  ::unlink(partial_path(digest).c_str());
  ::unlink(beside(digest, ".resume").c_str());
}

} // namespace qt
