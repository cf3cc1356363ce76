// Files and folders by path: whole-file reads, atomic publication, locks, temporary folders.
#pragma once

#include "base/duration.hh"
#include "os/fd.hh"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace qt {

// Opens a regular file to read it. Throws Error for anything else: a fifo would be waited for, and
// a device need not end. Never blocks.
UniqueFd open_regular_file(const std::string& path);
// Whole file as bytes. Throws Error ("reading PATH: …"), also for what is no regular file or holds
// more than `most` bytes.
std::string read_file(const std::string& path, std::size_t most = k_largest_whole);
// Nothing if it is not there; throws Error on any other failure, as read_file().
std::optional<std::string> read_file_if_exists(const std::string& path,
                                               std::size_t most = k_largest_whole);
// A small file that a program left for others, such as a record: nothing if it is not a regular
// file (a link counts as none), is over 64 KiB, cannot be read, or, with Writer::trusted, if others
// than this user and root could have written it. Never blocks, whatever stands under that name.
enum class Writer { anyone, trusted };
std::optional<std::string> read_small_file(const std::string& path, Writer writer) noexcept;
// At most the last `limit` bytes of a file; empty if it is not there or is no regular file.
std::string read_tail(const std::string& path, std::size_t limit);
// Replaces the file's content, not atomically. Throws Error.
void write_file(const std::string& path, std::string_view bytes);

bool exists(const std::string& path);
// mkdir -p. Throws Error.
void make_directories(const std::string& path);
// rm -rf; a path that is not there counts as removed. Never follows a symbolic link. Folders in it
// that may not be entered or changed are opened for their owner first. Throws Error.
void remove_tree(const std::string& path);
// A directory without anything in it: what is there under that name goes, but a directory itself
// stays. What cannot be removed (it is another user's, immutable, mounted) is renamed, NAME.left-N
// beside it, and told of: one message for each. Throws Error if not even that can be done.
std::vector<std::string> make_empty_directory(const std::string& path);
// Absolute, lexically normal, symbolic links kept.
std::string absolute_path(const std::string& path);
// realpath(3): absolute, without symbolic links. Throws Error.
std::string real_path(const std::string& path);
std::string parent_of(const std::string& path);
std::string base_name(const std::string& path);
// The path of an executable as execvp(3) would find it; nothing if there is none.
std::optional<std::string> find_program(const std::string& name);
// What to execute for a program of this toolkit: the path of the one beside the running program,
// else its bare name.
std::string sibling_program(std::string_view name);

// A file that comes into being whole or not at all: written under a unique temporary name in the
// target's folder, then renamed over the target by commit(). The destructor discards what was not
// committed. Not for the download cache, whose partial files survive (cache.hh).
class AtomicFile {
public:
  // Creates the temporary file with `mode` (less the umask). Throws Error.
  explicit AtomicFile(std::string path, mode_t mode = 0666);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  int fd() const noexcept { return m_fd.get(); }
  void write(std::string_view bytes);
  // Publishes; the object must not be used again. Throws Error, and then nothing is published.
  void commit();

private:
  std::string m_path;
  std::string m_temporary;
  UniqueFd m_fd;
};

// An advisory lock on a file of its own; released by the kernel when the holder dies. Only the
// holder may remove the file, as the last thing it does.
//
// It is an open file description lock (fcntl, F_OFD_SETLK) of the first byte: NFS hands it to the
// server, so that it also holds between hosts and against programs on the server itself, which
// flock(2), mapped or kept local by NFS, does not; it belongs to the descriptor, so that threads
// exclude each other, which plain fcntl locks do not; and it leaves the bytes alone that QEMU locks
// in images. Two locks of one file by flock and by this do not see each other.
class FileLock {
public:
  enum class Wait { no, yes };
  // Creates the file if need be; a link, or what is no regular file, is an Error. Wait::yes blocks
  // without limit and without polling; Wait::no gives nothing if another process holds it.
  static std::optional<FileLock> acquire(const std::string& path, Wait wait);
  // Waits until the deadline; then gives nothing. `on_long_wait`, which may be empty, is told once,
  // on this thread and after 5 s, who holds it: holder_of_lock().
  using LongWait = std::function<void(const std::string& holder)>;
  static std::optional<FileLock> await(const std::string& path, Deadline deadline,
                                       const LongWait& on_long_wait);
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

// A folder of its own under $TMPDIR or /tmp, removed with everything in it by the destructor.
class TempDir {
public:
  explicit TempDir(std::string_view prefix);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const noexcept { return m_path; }

private:
  std::string m_path;
};

} // namespace qt
