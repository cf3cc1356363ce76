// How a result is known again, so that it is not made anew while it is right: an extended attribute
// of the file or folder itself. It is made together with the result, moves with it, and is gone
// when another program puts a new file in its place. Where the file system keeps no such
// attributes, results are always made anew.
//
// This is for results that a user asks for by name. Those that a definition asks for have a record
// that says more (made_file.hh).
//
// "user.qemu-test-made" has four lines: the version of this format ("2"); inode, size, mtime and
// ctime of the source, or of each file that a command reads, with a hash of its content if its
// mtime says nothing (0 or 1: Nix, OSTree); what was asked for; inode, size and mtime of the
// result, whose ctime changes with this attribute, or, for a folder, the marks of everything in it
// (made_file.hh). Times are in nanoseconds. The clock by which a write sets the mtime ticks only
// every few milliseconds; so that a write in the same tick is seen, a result gets the exact time as
// its mtime.
#pragma once

#include "extract/byte_source.hh"
#include "extract/unpack_rule.hh"

#include <string>
#include <vector>

namespace qt {

class MadeRecord {
public:
  // `member`: the one of the rule's members that the result is; "" if there is only one result.
  MadeRecord(const FileSource& source, const UnpackRule& rule, const std::string& member);
  // Of what a command makes from these files.
  MadeRecord(const std::vector<std::string>& command, const std::vector<std::string>& inputs);

  // True if `path` is what this source and rule give, its owner can write it, and nobody has
  // changed it since; never with QEMU_TEST_VERIFY_FILES, as no content is kept to compare with.
  // Never throws: what cannot be looked at is not right.
  bool is_right(const std::string& path) const noexcept;

  // Marks a result, a file or a folder, to which nothing is written any more. It stays without
  // record where there is no room for one.
  void put_on(int fd) const noexcept;

  // Whether `path` has a record, be it right or not: somebody has made it by such a rule.
  static bool is_on(const std::string& path) noexcept;

private:
  std::string m_origin;
};

// Gives a file the exact time as its mtime.
void set_exact_time(int fd) noexcept;

} // namespace qt
