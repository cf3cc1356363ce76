#include "cache/cache.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::string_view k_record_version = "1";

bool is_file(const std::string& path) noexcept {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// Names this run of the kernel; empty if it does not tell.
const std::string& boot_id() {
  static const std::string id(
      trim(read_small_file("/proc/sys/kernel/random/boot_id", Writer::trusted).value_or("")));
  return id;
}

// Names for a record of `path`: the one that all share, and one beside it for a user who does not
// believe that one.
std::vector<std::string> record_paths(const std::string& path) {
  return {path + ".verified", format("{}.verified.{}", path, ::geteuid())};
}

// When a record that this user believes was written that says `marks` of `path`.
std::optional<timespec> time_of_record(const std::string& path, const std::string& marks) {
  for (const std::string& name : record_paths(path)) {
    const std::string record = read_small_file(name, Writer::trusted).value_or("");
    struct stat status;
    if ((record == marks + "\n" ||
         (!boot_id().empty() && record == format("{} {}\n", marks, boot_id()))) &&
        ::lstat(name.c_str(), &status) == 0) {
      return status.st_mtim;
    }
  }
  return std::nullopt;
}

// Whether the content is on the disk now.
bool sync_content(const std::string& path) noexcept {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  return fd && ::fdatasync(fd.get()) == 0;
}

std::optional<std::string> marks_of(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  return format("{} {} {} {} {}", k_record_version, status.st_size, nanoseconds(status.st_mtim),
                status.st_ino, nanoseconds(status.st_ctim));
}

// Side files are small and replaced whole, nobody else may write into them; one that cannot be
// written costs work later, not truth.
void write_side_file(const std::string& path, std::string_view text) noexcept {
  try {
    AtomicFile file(path, 0644);
    file.write(text);
    file.commit();
  } catch (const std::exception&) {
  }
}

// A record that others may have made, and that cannot be replaced or is not to be, leaves room for
// one of this user alone.
void write_record(const std::string& path, const std::string& text) noexcept {
  for (const std::string& name : record_paths(path)) {
    struct stat status;
    const bool others = ::lstat(name.c_str(), &status) == 0 && status.st_uid != ::geteuid();
    if (!others) {
      write_side_file(name, text);
      return;
    }
  }
}

} // namespace

Cache Cache::open() {
  std::vector<std::string> lower;
  for (std::string& folder : split(env::text("QEMU_TEST_CACHE_LOWER"), ':')) {
    if (!folder.empty()) {
      lower.push_back(std::move(folder));
    }
  }
  if (const std::string folder = env::text("QEMU_TEST_CACHE_DIR"); !folder.empty()) {
    return Cache(folder, lower);
  }
  if (const std::string folder = env::text("XDG_CACHE_HOME"); !folder.empty()) {
    return Cache(folder + "/qemu", lower);
  }
  if (const std::string home = home_folder(); !home.empty()) {
    return Cache(home + "/.cache/qemu", lower);
  }
  throw Error("finding the cache: HOME is not set, and /etc/passwd has no folder of this user; set "
              "QEMU_TEST_CACHE_DIR to a folder");
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
  return ::stat(path.c_str(), &status) == 0 ? marks_of(status) : std::nullopt;
}

std::optional<std::string> Cache::marks(int fd) noexcept {
  struct stat status;
  return ::fstat(fd, &status) == 0 ? marks_of(status) : std::nullopt;
}

Cache::State Cache::state(std::string_view digest) const noexcept {
  const std::string path = path_of(digest);
  const std::optional<std::string> now = marks(path);
  if (!now) {
    return State::absent;
  }
  return time_of_record(own_path(digest), *now) || time_of_record(path, *now) ? State::verified
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
    const Cache cache = Cache::open();
    std::vector<std::string> folders = {cache.folder()};
    std::transform(cache.m_lower.begin(), cache.m_lower.end(), std::back_inserter(folders),
                   [](const Cache& lower) { return lower.folder(); });
    const bool is_cached =
        std::any_of(folders.begin(), folders.end(), [&real](const std::string& folder) {
          return exists(folder) && parent_of(real) == real_path(folder);
        });
    return is_cached ? FileLock::share(real) : std::nullopt;
  } catch (const std::exception&) { // not there, or no cache
    return std::nullopt;
  }
}

FileLock Cache::lock(std::string_view digest) const { return *lock(digest, Deadline::never()); }

std::optional<FileLock> Cache::lock(std::string_view digest, Deadline deadline) const {
  const std::string path = lock_path(digest);
  try {
    make_directories(m_folder);
    return FileLock::await(path, deadline);
  } catch (const Error& error) {
    throw Error(format("using the cache {}: {}; set QEMU_TEST_CACHE_DIR to a writable folder",
                       m_folder, error.what()),
                error.code());
  }
}

bool Cache::verified_since(std::string_view digest,
                           std::chrono::system_clock::time_point time) const {
  const std::optional<std::string> now = marks(path_of(digest));
  const std::optional<timespec> recorded =
      now ? time_of_record(own_path(digest), *now) : std::nullopt;
  return recorded && std::chrono::nanoseconds(nanoseconds(*recorded)) >= time.time_since_epoch();
}

void Cache::record(std::string_view digest, const std::string& marks_before) const noexcept {
  // A file that changed while it was hashed gets no record.
  const std::string path = path_of(digest);
  if (sync_content(path) && marks(path) == marks_before) {
    write_record(own_path(digest), marks_before + "\n");
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

// What another program could have put there, or still writes, is not continued: a link, a file of
// another user, a second name of some other file.
bool Cache::is_own_partial(std::string_view digest, int fd) const {
  struct stat status;
  struct stat folder;
  struct stat second;
  if (::fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
      ::stat(m_folder.c_str(), &folder) < 0) {
    return false;
  }
  const bool is_download = ::lstat(download_path(digest).c_str(), &second) == 0 &&
                           second.st_ino == status.st_ino && second.st_dev == status.st_dev;
  const bool folder_is_safe = (folder.st_uid == ::geteuid() || folder.st_uid == 0) &&
                              (folder.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  return status.st_nlink == (is_download ? 2 : 1) &&
         (status.st_uid == ::geteuid() || folder_is_safe);
}

UniqueFd Cache::open_partial(std::string_view digest) const {
  const std::string path = partial_path(digest);
  constexpr int k_flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  for (const bool again : {false, true}) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | k_flags, 0666));
    if (!fd && errno == EACCES) { // its owner was killed between the change of its mode and name
      const UniqueFd readable(::open(path.c_str(), O_RDONLY | k_flags));
      if (readable && is_own_partial(digest, readable.get())) {
        ::fchmod(readable.get(), 0640);
      }
      fd.reset(::open(path.c_str(), O_RDWR | O_CREAT | k_flags, 0666));
    }
    if (fd && is_own_partial(digest, fd.get())) {
      return fd;
    }
    const int number = fd ? EPERM : errno;
    struct stat status;
    if (again || ::lstat(path.c_str(), &status) < 0 || ::unlink(path.c_str()) < 0) {
      throw fd || number == ELOOP
          ? Error(format("writing {}: somebody else put it there; remove it, or set "
                         "QEMU_TEST_CACHE_DIR to a folder of your own",
                         path))
          : errno_error(number, format("opening {}", path));
    }
    log_warning(format("{} is not a file of this user's own: removed", path));
  }
  return {};
}

std::optional<Cache::Resume> Cache::resume_of(std::string_view digest) const {
  const std::optional<std::string> text =
      read_small_file(beside(digest, ".resume"), Writer::trusted);
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
  publish(digest, url, open_file(partial, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).get());
}

void Cache::publish(std::string_view digest, std::string_view url, int fd) const {
  const std::string partial = partial_path(digest);
  const std::string path = own_path(digest);
  if (boot_id().empty() && ::fdatasync(fd) < 0) {
    throw errno_error(errno, format("writing {}", partial));
  }
  // Not every file system has these; and only who may write a file may give it some.
  static_cast<void>(::fsetxattr(fd, "user.qemu-asset-url", url.data(), url.size(), 0));
  static_cast<void>(::fsetxattr(fd, "user.qemu-asset-hash", digest.data(), digest.size(), 0));
  // Others than the owner's group can use a cache only where all may write to its folder.
  struct stat folder;
  const bool for_all = ::stat(m_folder.c_str(), &folder) == 0 && (folder.st_mode & S_IWOTH) != 0;
  if (::fchmod(fd, for_all ? 0444 : 0440) < 0) {
    throw errno_error(errno, format("setting the mode of {}", partial));
  }
  if (::rename(partial.c_str(), path.c_str()) < 0) {
    throw errno_error(errno, format("publishing {}", path));
  }
  struct stat published;
  struct stat second;
  const std::string second_name = download_path(digest);
  if (::fstat(fd, &published) == 0 && ::lstat(second_name.c_str(), &second) == 0 &&
      published.st_ino == second.st_ino && published.st_dev == second.st_dev) {
    ::unlink(second_name.c_str());
  }
  // Names that come and go change the inode's ctime, so the record can only be made now, and it is
  // about the file that was verified, whatever has that name by now. A process killed in between
  // leaves a right file that is hashed once more.
  if (const std::optional<std::string> now = marks(fd)) {
    write_record(path, boot_id().empty() ? *now + "\n" : format("{} {}\n", *now, boot_id()));
  }
  touch(digest);
  discard_partial(digest);
}

void Cache::discard_partial(std::string_view digest) const noexcept {
  ::unlink(partial_path(digest).c_str());
  ::unlink(beside(digest, ".resume").c_str());
}

} // namespace qt
