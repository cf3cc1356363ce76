// Files that are made once from a definition's assets and used by all its tests and runs, whoever
// makes them: how it is known that one is what the definition asks for, and that nobody has changed
// it since. One that this cannot be said of is made anew.
//
// A made file is read-only (in a tree: its files, so that the folder can still be removed). That
// does not hold back root, nor a program that changes the mode; so before each use the file is
// looked at. Beside it, as ".NAME.made", lies its record, and as ".NAME.lock" the lock under which
// it is made. The record is
//
//   2                      the version of this format
//   OF …                   what was asked for, a line for each rule on the way to the asset:
//                          "member=a/b resize=16M"
//                          Of a command: "make=WORDS", and before the lines of each of its
//                          inputs "INPUT NAME"
//   BY host PATH MARKS     of a command: its program
//   FROM …                 the asset: "digest DIGEST", or of a file of the host "host PATH MARKS"
//   IS MARKS               the file as it was made
//   CONTENT HASH           of a file or tree; looked at only with Look::at_content
//
// A link, or a record that others than this user and root could have written, counts as none.
//
// MARKS are inode, size, mtime and ctime, times in ns, of what a link leads to also its path, of a
// tree a number reckoned from names, types, modes and marks of everything in it; of a folder that a
// command reads both. Where a file of the host has times that say nothing (0 or 1: Nix,
// OSTree; a read-only image), its marks have a hash of its content. No hash here is made against
// attacks: that is what the asset's digest is for.
#pragma once

#include "definition/definition.hh"

#include <optional>
#include <string>
#include <sys/stat.h>

namespace qt {

// What a file of the definition is made from and how: the lines OF and FROM of its record. Looks at
// the assets that are files of the host; what is not there is not like anything else.
std::string origin_of(const Definition& definition, const FileRule& rule);

// Where an asset of the host or the user is: the last in order of the files that fit `path`, the
// value of `env`; empty if there is none.
std::string host_path_of(const Asset& asset);

enum class Look { at_marks, at_content };
// at_content if QEMU_TEST_VERIFY_FILES is set: then a change that keeps all marks is seen as well.
Look look_from_environment();

// Where the lock is under which a file is made.
std::string made_file_lock(const std::string& path);

enum class MadeFile {
  right,
  absent,  // not there, without record, or of another origin
  changed, // made from the same, and not what it was then
};
// Never throws: what cannot be looked at is absent. Costs a few system calls, of a tree a walk.
MadeFile look_at_made_file(const std::string& path, const std::string& origin, Look look) noexcept;

// That a made file is in use, from the moment in which this is made. Its record is the same as long
// as nobody makes the file anew, as a run of an edited definition with the same folder does.
class MadeFileUse {
public:
  MadeFileUse(std::string path, std::string origin) noexcept;

  const std::string& path() const noexcept { return m_path; }
  // Whether it began with a record, of this origin. Without one nothing can be said.
  bool has_record() const noexcept { return !m_record.empty(); }
  // Whether that record is still there. Never throws.
  bool is_same() const noexcept;

private:
  std::string m_path;
  std::string m_origin;
  std::string m_record;
};

// Removes the file and its record, before it is made anew. Throws Error.
void remove_made_file(const std::string& path);
// Makes a file that was just made read-only and writes its record. Throws Error.
void record_made_file(const std::string& path, const std::string& origin);

// For records of other kinds: whether another content of a file would show in its times. They say
// nothing if they are 0 or 1, and in an image that is mounted read-only they are whatever they were
// made to be.
bool tells_its_changes(int fd, const struct stat& status);
// For records of other kinds: a hash of the content, of a source whose times say nothing, with a
// space before it; empty if it cannot be read.
std::string mark_of_content(int fd);
// For records of other kinds: the marks of everything in a folder; nothing if something in it
// cannot be looked at.
std::optional<std::string> marks_of_tree(int folder);
// Seconds and nanoseconds.
std::string time_mark(const timespec& time);

} // namespace qt
