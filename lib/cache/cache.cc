#include "cache/cache.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
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

bool is_file(const std::string& path) noexcept {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// Names this run of the kernel; empty if it does not tell.
const std::string& boot_id() {
  static const std::string id = [] {
    try {
      return std::string(trim(read_file_if_exists("/proc/sys/kernel/random/boot_id").value_or("")));
    } catch (const Error&) {
      return std::string();
    }
  }();
  return id;
}

bool has_record(const std::string& path, const std::string& marks) noexcept {
  try {
    const std::string record = read_file_if_exists(path + ".verified").value_or("");
    return record == marks + "\n" ||
           (!boot_id().empty() && record == format("{} {}\n", marks, boot_id()));
  } catch (const std::exception&) {
    return false;
  }
}

// Whether the content is on the disk now.
bool sync_content(const std::string& path) noexcept {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return fd && ::fdatasync(fd.get()) == 0;
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
  std::vector<std::string> lower;
  for (std::string& folder : split(variable("QEMU_TEST_CACHE_LOWER"), ':')) {
    if (!folder.empty()) {
      lower.push_back(std::move(folder));
    }
  }
  if (const std::string folder = variable("QEMU_TEST_CACHE_DIR"); !folder.empty()) {
    return Cache(folder, lower);
  }
  if (const std::string folder = variable("XDG_CACHE_HOME"); !folder.empty()) {
    return Cache(folder + "/qemu", lower);
  }
  if (const std::string home = variable("HOME"); !home.empty()) {
    return Cache(home + "/.cache/qemu", lower);
  }
  throw Error("finding the cache: HOME is not set; set QEMU_TEST_CACHE_DIR to a folder");
}

Cache::Cache(std::string root, const std::vector<std::string>& lower_roots)
  : m_root(absolute_path(root))
  , m_folder(m_root + "/download") {
  for (const std::string& lower : lower_roots) {
    m_lower.emplace_back(lower);
  }
}

std::string Cache::beside(std::string_view digest, std::string_view suffix) const {
  return format("{}/{}{}", m_folder, digest, suffix);
}

std::string Cache::path_of(std::string_view digest) const {
  std::string own = own_path(digest);
  if (!m_lower.empty() && !is_file(own)) {
    for (const Cache& lower : m_lower) {
      if (is_file(lower.own_path(digest))) {
        return lower.own_path(digest);
      }
    }
  }
  return own;
}

std::optional<std::string> Cache::marks(const std::string& path) noexcept {
  struct stat status;
  if (::stat(path.c_str(), &status) < 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  return format("{} {} {} {} {}", k_record_version, status.st_size, nanoseconds(status.st_mtim),
                status.st_ino, nanoseconds(status.st_ctim));
}

Cache::State Cache::state(std::string_view digest) const noexcept {
  const std::string path = path_of(digest);
  const std::optional<std::string> now = marks(path);
  if (!now) {
    return State::absent;
  }
  return has_record(own_path(digest), *now) || has_record(path, *now) ? State::verified
                                                                      : State::unverified;
}

void Cache::touch(std::string_view digest) const noexcept {
  if (!is_file(own_path(digest))) {
    return;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  write_side_file(beside(digest, ".stamp"),
                  format("{}", std::chrono::duration_cast<std::chrono::seconds>(now).count()));
}

std::optional<FileLock> Cache::hold(std::string_view digest) const noexcept {
  return is_file(own_path(digest)) ? FileLock::share(own_path(digest)) : std::nullopt;
}

std::optional<FileLock> Cache::hold_path(const std::string& path) noexcept {
  try {
    const std::string real = real_path(path);
    const std::string folder = Cache::open().folder();
    return exists(folder) && parent_of(real) == real_path(folder) ? FileLock::share(real)
                                                                  : std::nullopt;
  } catch (const std::exception&) { // not there, or no cache
    return std::nullopt;
  }
}

FileLock Cache::lock(std::string_view digest) const {
  try {
    make_directories(m_folder);
    return *FileLock::acquire(lock_path(digest), FileLock::Wait::yes);
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
  const std::string path = path_of(digest);
  if (sync_content(path) && marks(path) == marks_before) {
    write_side_file(beside(digest, ".verified"), marks_before + "\n");
  }
}

std::string Cache::url_of(const std::string& path) {
  std::string url(4096, '\0');
  const ssize_t length = ::getxattr(path.c_str(), "user.qemu-asset-url", url.data(), url.size());
  url.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return url;
}

void Cache::quarantine(std::string_view digest) const {
  const std::string path = own_path(digest);
  if (::rename(path.c_str(), beside(digest, ".corrupt").c_str()) < 0 && errno != ENOENT) {
    throw errno_error(errno, format("putting aside {}, which does not have its digest", path));
  }
}

UniqueFd Cache::open_partial(std::string_view digest) const {
  const std::string path = partial_path(digest);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!fd && errno == EACCES) { // its owner was killed between the change of its mode and its name
    ::chmod(path.c_str(), 0640);
  }
  return fd ? std::move(fd) : open_file(path, O_RDWR | O_CREAT);
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
  const std::string path = own_path(digest);
  if (boot_id().empty() && !sync_content(partial)) {
    throw errno_error(errno, format("writing {}", partial));
  }
  if (::chmod(partial.c_str(), 0440) < 0) {
    throw errno_error(errno, format("setting the mode of {}", partial));
  }
  // Not every file system has these.
  static_cast<void>(::setxattr(partial.c_str(), "user.qemu-asset-url", url.data(), url.size(), 0));
  static_cast<void>(
      ::setxattr(partial.c_str(), "user.qemu-asset-hash", digest.data(), digest.size(), 0));
  if (::rename(partial.c_str(), path.c_str()) < 0) {
    throw errno_error(errno, format("publishing {}", path));
  }
  struct stat published;
  struct stat second;
  const std::string second_name = download_path(digest);
  if (::stat(path.c_str(), &published) == 0 && ::stat(second_name.c_str(), &second) == 0 &&
      published.st_ino == second.st_ino) {
    ::unlink(second_name.c_str());
  }
  // Names that come and go change the inode's ctime, so the record can only be made now. A process
  // killed in between leaves a right file that is hashed once more.
  if (const std::optional<std::string> now = marks(path)) {
    write_side_file(beside(digest, ".verified"),
                    boot_id().empty() ? *now + "\n" : format("{} {}\n", *now, boot_id()));
  }
  touch(digest);
  discard_partial(digest);
}

void Cache::discard_partial(std::string_view digest) const noexcept {
  ::unlink(partial_path(digest).c_str());
  ::unlink(beside(digest, ".resume").c_str());
}

} // namespace qt
