// A member of an archive on its way into a file.
#pragma once

#include "base/error.hh"
#include "extract/archive.hh"
#include "extract/unpack_rule.hh"

#include <string_view>

namespace qt {

OpenOptions open_options(const UnpackRule& rule);

// A device, fifo or socket.
bool is_special(MemberType type);

// "member 'NAME': REASON", ExitCode::failed.
Error member_error(const ArchiveMember& member, std::string_view reason);
// Throws if the archive's reader had to complain about the member.
void check_header(const ArchiveMember& member);

// Writes the current member of `archive` to an empty file. Does not call finish(). Throws Error.
void write_member(ArchiveReader& archive, const ArchiveMember& member, SparseWriter& writer,
                  OutputBudget& budget);

// Adds the member's name to whatever fails in `body`.
template<typename Body>
void for_member(const ArchiveMember& member, Body body) {
  try {
    body();
  } catch (const Error& error) {
    throw error.within(format("member '{}'", member.name));
  }
}

} // namespace qt
