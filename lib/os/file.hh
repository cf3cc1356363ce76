// Files and folders by path: whole-file reads, atomic publication, temporary folders, the stamps of
// build systems.
#pragma once

#include "os/fd.hh"

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <system_error>
#include <vector>

namespace qt {

// Opens a regular file to read it. Throws Error(ExitCode::usage) for anything else: a fifo would be
// waited for, and a device need not end. Never blocks.
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
// $HOME, else what /etc/passwd says of this user; empty if neither says it. getpwuid(3) would load
// the plug-ins of the name service, which a program without a dynamic loader cannot.
std::string home_folder();
// The home folder of a user in a text such as that of /etc/passwd (passwd(5)); empty if there is
// none.
std::string home_in_passwd(std::string_view passwd, uid_t user);
std::string parent_of(const std::string& path);
std::string base_name(const std::string& path);
// The path of an executable as execvp(3) would find it; nothing if there is none.
std::optional<std::string> find_program(const std::string& name);
// Where the running program is, links followed.
const std::string& folder_of_this_program();
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

// The names in a folder; what could not be read is in `error`, and nothing is thrown, as a for loop
// over the library's iterator would.
std::vector<std::string> names_in(const std::string& path, std::error_code& error);

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

// Since 1970.
inline std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// The stamp of a build system: an empty file that says that a run has done all of its work. Ninja
// runs a rule again whose stamp is not there.

// Takes back what an earlier run said; for the start of a run, so that nothing is said whatever
// becomes of it. Throws Error (usage) for what cannot be a stamp, such as a folder; a device is
// left as it is.
void clear_stamp(const std::string& path);
// Says it, never through a link. Throws Error.
void write_stamp(const std::string& path);

} // namespace qt
