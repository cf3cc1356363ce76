// The cache of downloaded assets, shared with QEMU's own functional tests: where it is, what it
// holds, how something gets in. This module looks and renames; it neither downloads nor computes
// digests (fetch.hh), so that a program that only asks "is it there?" links neither library.
//
// Layout, below $QEMU_TEST_CACHE_DIR, else $XDG_CACHE_HOME/qemu, else ~/.cache/qemu. The first two
// names are those of QEMU's framework (tests/functional/qemu_test/asset.py); its cleaner looks only
// at names of exactly 64 characters, so it leaves the others alone:
//
//   download/DIGEST           the file, mode 0440, or 0444 where all may write to the folder;
//                             DIGEST is lower-case hex, SHA-256 or SHA-512
//   download/DIGEST.stamp     when it was last used, seconds since 1970 in decimal, no newline
//   download/DIGEST.verified  "1 SIZE MTIME INODE CTIME[ BOOT]\n" (times in ns): the file with
//                             exactly these marks had this digest. A file without a fitting record,
//                             say one that QEMU's framework or a plain cp put there, has to be
//                             hashed once.
//   download/DIGEST.verified.UID  the same for a user who does not believe that record
//   download/DIGEST.lock      empty; its first byte is locked (FileLock) by whoever verifies,
//                             downloads or removes
//   download/DIGEST.partial   a download as far as it came; kept when interrupted, then continued
//   download/DIGEST.resume    the URL and the validator (ETag or date) of the partial, one a line
//   download/DIGEST.download  QEMU's, or a second name of our partial (qemu_download.hh)
//   download/DIGEST.corrupt   a file that stood under DIGEST and did not have it
//   unreachable-UID           hosts that were down of late (unreachable.hh)
//
// The file carries the extended attributes user.qemu-asset-url and user.qemu-asset-hash where the
// file system knows such. In what follows `digest` is lower-case hex (digest.hh, parse_digest).
//
// Crash of the host. Data that was only just written may be torn afterwards under a name, size and
// times that look right. Syncing it before the rename costs twice the download where the network
// is faster than the disk (writing 1 GiB of zeros: 0.34 s, synced 1.04 s), so that is not done.
// Instead the record that is made with the rename names the boot (/proc/sys/kernel/random/boot_id),
// and nobody believes it in another one: the file is hashed once more, what then is found right is
// synced, and its record has no BOOT. What a crash does to any other file here costs work, not
// truth.
//
// Several users. All of this is read as regular files only, never through a link, and never waits
// on a pipe. A record counts if nobody but this user and root can have written it; else the file is
// hashed once, and that remembered beside it. A partial is continued only by the user whose it is,
// unless nobody else could put files into the folder.
//
// Lower caches, $QEMU_TEST_CACHE_LOWER: folders of the same layout, separated by ":", that serve
// what the cache itself does not have. Nothing is ever written, locked or removed there; that a
// file of theirs was verified is recorded in the cache above, or read from a record beside it.
#pragma once

#include "os/file.hh"
#include "os/file_lock.hh"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class Cache {
public:
  // The cache that the environment names. Creates nothing. Throws Error if nothing says where it is
  // (no HOME, and no entry in /etc/passwd).
  static Cache open();
  explicit Cache(std::string root, const std::vector<std::string>& lower_roots = {});

  // The absolute folder that "download" is in; other things that are remembered about QEMU live
  // beside it.
  const std::string& root() const noexcept { return m_root; }
  const std::string& folder() const noexcept { return m_folder; }
  const std::vector<Cache>& lower() const noexcept { return m_lower; }
  // Where the file is, be it in a lower cache, or would be.
  std::string path_of(std::string_view digest) const;
  // Where it is or would be in this cache.
  std::string own_path(std::string_view digest) const { return beside(digest, ""); }

  enum class State {
    absent,
    unverified, // there is a file; nobody has recorded that it has the digest
    verified,
  };
  // Costs a few system calls whatever the size. Never blocks; needs no write permission.
  State state(std::string_view digest) const noexcept;
  // Notes that the file is in use now, for those who evict. Best effort: a read-only cache serves.
  void touch(std::string_view digest) const noexcept;
  // While the result lives, nobody who cleans the cache removes the file, whether or not it is
  // open. Nothing if it is not there, or in a lower cache. Needs no write permission; ends
  // with the process.
  std::optional<FileLock> hold(std::string_view digest) const noexcept;
  // The same for the path of a file of the cache that the environment names, or of a lower one,
  // which whoever it belongs to may clean. Nothing for any other.
  static std::optional<FileLock> hold_path(const std::string& path) noexcept;

  // --- for those who put files in

  // Blocks until no other process or thread works on this asset; the kernel wakes the waiter as
  // soon as the holder lets go or dies. Creates the folder. Throws Error if the cache is not
  // writable.
  FileLock lock(std::string_view digest) const;
  // The same until the deadline; then nothing. Who holds it is said after a few seconds (log.hh).
  std::optional<FileLock> lock(std::string_view digest, Deadline deadline) const;
  // Whether the record of a verified file was written at or after `time`.
  bool verified_since(std::string_view digest, std::chrono::system_clock::time_point time) const;
  // Remembers that the file there now has its digest. The caller has hashed it, holding the lock,
  // and gives the marks() from before it began. Blocks until the content is on the disk. Best
  // effort: without a record it is hashed again.
  void record(std::string_view digest, const std::string& marks) const noexcept;
  // What a record remembers about a file; nothing if it is not there or not a regular file.
  static std::optional<std::string> marks(const std::string& path) noexcept;
  static std::optional<std::string> marks(int fd) noexcept;
  // Where a file came from, if that was noted and the file system remembers; else empty.
  static std::string url_of(const std::string& path);
  // Puts the file that fell short out of the way, in place of one that was put there earlier. Does
  // nothing if it is in a lower cache or gone. Throws Error if it has to stay where it is.
  void quarantine(std::string_view digest) const;

  std::string lock_path(std::string_view digest) const { return beside(digest, ".lock"); }
  std::string partial_path(std::string_view digest) const { return beside(digest, ".partial"); }
  std::string download_path(std::string_view digest) const { return beside(digest, ".download"); }
  // Opens the partial for reading and writing, creates it if need be; what is there and not this
  // user's own is removed. Throws Error.
  UniqueFd open_partial(std::string_view digest) const;
  struct Resume {
    std::string url;
    std::string validator;
  };
  std::optional<Resume> resume_of(std::string_view digest) const;
  void remember_resume(std::string_view digest, const Resume& resume) const noexcept;
  // Gives the partial, whose content the caller has verified, its final name, mode, attributes,
  // record and stamp. The caller holds the lock. `url` must not carry credentials. Throws Error,
  // and then whatever stood under the digest still does.
  void publish(std::string_view digest, std::string_view url) const;
  // `fd`: the partial's, which was verified; what else got its name meanwhile has no record.
  void publish(std::string_view digest, std::string_view url, int fd) const;
  // Forgets a partial that leads nowhere.
  void discard_partial(std::string_view digest) const noexcept;

private:
  std::string beside(std::string_view digest, std::string_view suffix) const;
  bool is_own_partial(std::string_view digest, int fd) const;

  std::string m_root;
  std::string m_folder;
  std::vector<Cache> m_lower;
};

} // namespace qt
