#include "cache/qemu_download.hh"

#include "base/duration.hh"
#include "base/format.hh"
#include "base/log.hh"
#include "os/event_loop.hh"

#include <algorithm>
#include <array>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

using namespace std::chrono_literals;

constexpr Duration k_look_again = 1s;
constexpr Duration k_stale = 90s; // as theirs
constexpr Duration k_long_wait = 5s;

// Wakes when a name goes from the folder; a network file system tells only of this host.
class Departures {
public:
  explicit Departures(const std::string& folder)
    : m_fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    ::inotify_add_watch(m_fd.get(), folder.c_str(), IN_DELETE | IN_MOVED_FROM);
  }

  void wait(Duration limit) const {
    wait_for(m_fd.get(), POLLIN, Deadline::after(limit)); // also if there is no descriptor
    std::array<char, 4096> events;
    while (::read(m_fd.get(), events.data(), events.size()) > 0) {
    }
  }

private:
  UniqueFd m_fd;
};

bool is_same_file(const struct stat& a, const std::string& path) {
  struct stat b;
  return ::lstat(path.c_str(), &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

} // namespace

bool await_qemu_download(const Cache& cache, std::string_view digest, Deadline deadline) {
  const std::string path = cache.download_path(digest);
  const Departures departures(cache.folder()); // before the first look: none is missed
  struct stat last {};
  struct stat now {};
  Clock::time_point changed = Clock::now();
  Clock::time_point in_use = changed; // or cannot be told
  const Clock::time_point began = changed;
  bool said = false;
  for (bool waited = false;; waited = true) {
    if (::lstat(path.c_str(), &now) < 0 || !S_ISREG(now.st_mode) ||
        is_same_file(now, cache.partial_path(digest)) || deadline.expired()) {
      return waited;
    }
    if (!said && Clock::now() - began >= k_long_wait) {
      log_warning(format("waiting for QEMU's tests, which download {}", path));
      said = true;
    }
    if (!waited || now.st_ino != last.st_ino || now.st_size != last.st_size) {
      last = now;
      changed = Clock::now();
    }
    if (in_use_elsewhere(path) != InUse::no) {
      in_use = Clock::now();
    }
    // Between writing and checking theirs is closed for a moment: one look is not enough.
    const Clock::time_point present = Clock::now();
    if (present - changed >= k_stale || present - std::max(changed, in_use) >= k_look_again) {
      log_info(format("{} was left by one that has ended; taking it away", path));
      ::unlink(path.c_str());
      return waited;
    }
    departures.wait(k_look_again);
  }
}

QemuDownloadMark::QemuDownloadMark(const Cache& cache, std::string_view digest) noexcept
  : m_path(cache.download_path(digest)) {
  const std::string partial = cache.partial_path(digest);
  struct stat status;
  if (::lstat(partial.c_str(), &status) < 0) {
    return;
  }
  m_inode = status.st_ino;
  // It may be there from a download of ours that was interrupted, or theirs has just begun.
  static_cast<void>(::link(partial.c_str(), m_path.c_str()));
}

QemuDownloadMark::~QemuDownloadMark() {
  struct stat status;
  if (m_inode != 0 && ::lstat(m_path.c_str(), &status) == 0 && status.st_ino == m_inode) {
    ::unlink(m_path.c_str());
  }
}

} // namespace qt
