// Locks between processes, hosts and threads, by files; and whether a file is in use.
#pragma once

#include "base/duration.hh"
#include "os/fd.hh"

#include <optional>
#include <string>
#include <utility>

namespace qt {

// An advisory lock on a file of its own; released by the kernel when the holder dies. Only the
// holder may remove the file, as the last thing it does.
//
// It is an open file description lock (fcntl, F_OFD_SETLK) of the first byte: NFS hands it to the
// server, so that it also holds between hosts and against programs on the server itself, which
// flock(2), mapped or kept local by NFS, does not; it belongs to the descriptor, so that threads
// exclude each other, which plain fcntl locks do not; and it leaves the bytes alone that QEMU locks
// in images. Two locks of one file by flock and by this do not see each other. Who has got the lock
// sees the folder of the file as it is now, whatever another host has done there.
class FileLock {
public:
  // Creates the file if need be; a link, or what is no regular file, is an Error. Nothing if
  // somebody else holds it. Never blocks.
  static std::optional<FileLock> acquire(const std::string& path);
  // The same, but waits until the deadline, without polling but on NFS; then gives nothing. After
  // 5 s a warning says who holds it.
  static std::optional<FileLock> await(const std::string& path, Deadline deadline);
  // A lock that others may share, on a file that is there already; needs no permission to write.
  // Nothing if the file is not there or someone has it exclusively. Never blocks. Whoever shares
  // keeps the file open.
  static std::optional<FileLock> share(const std::string& path) noexcept;

private:
  explicit FileLock(UniqueFd fd)
    : m_fd(std::move(fd)) {}

  UniqueFd m_fd;
};

// "process 123 (qt-fetch, stopped)", or "a process of another user or host" if /proc does not tell
// who holds the lock of a file exclusively. For messages.
std::string holder_of_lock(const std::string& path);

// Whether someone shares the file's lock (FileLock::share) or has it open, this process included.
// The second is asked of the kernel with a lease, which it grants only to the owner and only for a
// file that nobody else has open; not every file system can tell. Never blocks.
enum class InUse { no, yes, unknown };
InUse in_use_elsewhere(const std::string& path) noexcept;

} // namespace qt
