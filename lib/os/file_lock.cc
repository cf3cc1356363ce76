#include "os/file_lock.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "os/file.hh"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <fcntl.h>
#include <linux/magic.h>
#include <memory>
#include <mutex>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace qt {

namespace {

// Byte 0, wherever it is in the file: QEMU locks images at 100 and above.
int lock_first_byte(int fd, int command, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_len = 1;
  const int result = ::fcntl(fd, command, &range);
  return result == 0 && command == F_OFD_GETLK ? range.l_type : result;
}

// A client of NFS may go on believing for a minute what it has seen of a folder: that a file is
// absent, which another host has put there meanwhile, or which file has a name. It looks again at
// all names if it is made to ask when the folder changed.
void forget_cached_names(const std::string& folder) {
  struct statx ignored;
  ::statx(AT_FDCWD, folder.c_str(), AT_STATX_FORCE_SYNC, STATX_MTIME | STATX_CTIME, &ignored);
}

// Who held the lock of a file may have removed it: then others lock a new one of that name.
bool is_still_named(int fd, const std::string& path) {
  forget_cached_names(parent_of(path));
  struct stat locked;
  struct stat named;
  return ::fstat(fd, &locked) == 0 && ::stat(path.c_str(), &named) == 0 &&
         locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

// There the kernel wakes nobody who waits for a lock but asks the server again, after a second,
// then two, then four, up to half a minute.
constexpr auto k_ask_again = std::chrono::milliseconds(200);
bool is_on_nfs(int fd) {
  struct statfs status;
  return ::fstatfs(fd, &status) == 0 && status.f_type == NFS_SUPER_MAGIC;
}

bool is_held_by_another(int number) { return number == EAGAIN || number == EACCES; }

Error lock_error(int number, const std::string& path) {
  return errno_error(number,
                     number == ENOLCK
                         ? format("locking {}, on a file system that has no locks (NFS 4 has; "
                                  "NFS 3 needs its lock service)",
                                  path)
                         : format("locking {}", path));
}

// Who may put files into the folder may lock, whatever the umask of the first one was: an exclusive
// lock needs permission to write.
UniqueFd create_lock(const std::string& path) {
  constexpr int k_flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(::open(path.c_str(), k_flags, 0666));
  struct stat file;
  struct stat folder;
  if (fd && ::fstat(fd.get(), &file) == 0 && ::stat(parent_of(path).c_str(), &folder) == 0) {
    static_cast<void>(
        ::fchmod(fd.get(), (file.st_mode & 0777) | (folder.st_mode & (S_IWGRP | S_IWOTH))));
  }
  return fd;
}

// Not with O_CREAT where it is there already: in a folder for all, such as /tmp, the kernel lets
// nobody open the file of another user like that (fs.protected_regular).
UniqueFd open_lock(const std::string& path) {
  constexpr int k_flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd fd(::open(path.c_str(), k_flags));
  if (!fd && errno == ENOENT) {
    fd = create_lock(path);
  }
  if (!fd && errno == EEXIST) { // somebody was faster
    fd.reset(::open(path.c_str(), k_flags));
  }
  if (!fd && errno == ENOENT) { // or has removed it
    fd = create_lock(path);
  }
  struct stat status;
  if (!fd && errno == EACCES && ::lstat(path.c_str(), &status) == 0) {
    throw Error(
        format("locking {}: another user made it so that nobody else may; have it removed", path));
  }
  if (!fd) {
    throw errno_error(errno, format("opening {}", path));
  }
  if (::fstat(fd.get(), &status) < 0 || !S_ISREG(status.st_mode)) {
    throw Error(format("locking {}: it is not a regular file; remove it", path));
  }
  return fd;
}

// Blocks in the kernel, in a thread of its own that can be abandoned: nothing else ends such a
// wait at a deadline.
struct LockWait {
  explicit LockWait(UniqueFd file)
    : fd(std::move(file)) {}

  UniqueFd fd;
  std::mutex mutex; // of what follows
  std::condition_variable changed;
  std::optional<int> ended; // 0 or an errno

  static std::shared_ptr<LockWait> start(UniqueFd file) {
    auto wait = std::make_shared<LockWait>(std::move(file));
    std::thread([wait] { wait->run(); }).detach();
    return wait;
  }
  void run() {
    const bool asks_again = is_on_nfs(fd.get());
    int number = EINTR;
    while (number == EINTR || (asks_again && is_held_by_another(number))) {
      if (number != EINTR) {
        std::this_thread::sleep_for(k_ask_again);
      }
      const int command = asks_again ? F_OFD_SETLK : F_OFD_SETLKW;
      number = lock_first_byte(fd.get(), command, F_WRLCK) < 0 ? errno : 0;
    }
    const std::lock_guard guard(mutex);
    ended = number;
    changed.notify_one();
  }
  // False if it has not ended at the deadline.
  bool await(Deadline deadline) {
    std::unique_lock lock(mutex);
    const auto is_over = [this] { return ended.has_value(); };
    if (deadline.is_never()) {
      changed.wait(lock, is_over);
      return true;
    }
    return changed.wait_for(lock, deadline.remaining(), is_over);
  }
};

// "qt-fetch, stopped", from /proc/PID/stat: "PID (NAME) STATE …".
std::string describe_process(const std::string& pid) {
  const std::string stat = read_file_if_exists("/proc/" + pid + "/stat").value_or("");
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= stat.size()) {
    return "";
  }
  const char state = stat[close + 2];
  return stat.substr(open + 1, close - open - 1) +
         (state == 'T' || state == 't' ? ", stopped" : "");
}

// Whether a descriptor of a process holds a write lock: "lock: 1: OFDLCK  ADVISORY  WRITE …", or
// one of flock(2): "FLOCK".
bool holds_lock(const std::string& process, const std::string& descriptor) {
  const std::string info = read_file(process + "/fdinfo/" + descriptor);
  return info.find("\nlock:") != std::string::npos && info.find(" WRITE ") != std::string::npos;
}

} // namespace

std::string holder_of_lock(const std::string& path) {
  struct stat wanted;
  std::error_code ignored;
  if (::stat(path.c_str(), &wanted) == 0) {
    for (const std::string& pid : names_in("/proc", ignored)) {
      if (pid.find_first_not_of("0123456789") != std::string::npos) {
        continue;
      }
      const std::string process = "/proc/" + pid;
      for (const std::string& open : names_in(process + "/fd", ignored)) {
        struct stat status;
        try {
          if (::stat((process + "/fd/" + open).c_str(), &status) == 0 &&
              status.st_ino == wanted.st_ino && status.st_dev == wanted.st_dev &&
              holds_lock(process, open)) {
            return format("process {} ({})", pid, describe_process(pid));
          }
        } catch (const Error&) { // it has ended meanwhile
        }
      }
    }
  }
  return "a process of another user or host";
}

std::optional<FileLock> FileLock::acquire(const std::string& path) {
  for (;;) {
    UniqueFd fd = open_lock(path);
    while (lock_first_byte(fd.get(), F_OFD_SETLK, F_WRLCK) < 0) {
      if (is_held_by_another(errno)) {
        return std::nullopt;
      }
      if (errno != EINTR) {
        throw lock_error(errno, path);
      }
    }
    if (is_still_named(fd.get(), path)) {
      return FileLock(std::move(fd));
    }
  }
}

std::optional<FileLock> FileLock::await(const std::string& path, Deadline deadline) {
  constexpr Duration k_long = std::chrono::seconds(5);
  Deadline notice = Deadline::after(k_long);
  for (;;) {
    if (std::optional<FileLock> lock = acquire(path)) {
      return lock;
    }
    const std::shared_ptr<LockWait> wait = LockWait::start(open_lock(path));
    while (!wait->await(earlier(notice, deadline))) {
      if (deadline.expired()) {
        return std::nullopt;
      }
      notice = Deadline::never();
      log_warning(format("waiting for {}, which holds {}", holder_of_lock(path), path));
    }
    if (*wait->ended != 0) {
      throw lock_error(*wait->ended, path);
    }
    if (is_still_named(wait->fd.get(), path)) {
      return FileLock(std::move(wait->fd));
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

} // namespace qt
