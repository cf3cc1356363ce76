// How a result is known again, so that it is not made anew while it is right: an extended attribute
// of the file or folder itself. It is made together with the result, moves with it, and is gone
// when another program puts a new file in its place. Where the file system keeps no such
// attributes, results are always made anew.
//
// "user.qemu-test-made" has four lines: the version of this format ("1"); inode, size, mtime and
// ctime of the source; what was asked for; size and mtime of the result, or, for a folder, a number
// reckoned from name, type, permissions, size and mtime of everything in it. Times are in
// nanoseconds. The clock by which a write sets the mtime ticks only every few milliseconds; so that
// a write in the same tick is seen, a result gets the exact time as its mtime.
#pragma once

#include "extract/byte_source.hh"
#include "extract/unpack_rule.hh"

#include <string>

namespace qt {

class MadeRecord {
public:
  // `member`: the one of the rule's members that the result is; "" if there is only one result.
  MadeRecord(const FileSource& source, const UnpackRule& rule, const std::string& member);

  // True if `path` is what this source and rule give, its owner can write it, and nobody has
  // changed it since. Never throws: what cannot be looked at is not right.
  bool is_right(const std::string& path) const noexcept;

  // Marks a result, a file or a folder, to which nothing is written any more. It stays without
  // record where there is no room for one.
  void put_on(int fd) const noexcept;

private:
  std::string m_origin;
};

// Gives a file the exact time as its mtime.
void set_exact_time(int fd) noexcept;

} // namespace qt
