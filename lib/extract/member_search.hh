// Taking some members out of an archive: by their names, through links, also absolute ones and
// those on the way, from the archive's root. In as few passes as the links allow; each goes to the
// end of the archive, unless only the first of each name is wanted.
#pragma once

#include "base/error.hh"
#include "extract/archive.hh"
#include "extract/made_record.hh"
#include "extract/member_path.hh"
#include "extract/unpack_rule.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

OpenOptions open_options(const UnpackRule& rule);

// A device, fifo or socket.
bool is_special(MemberType type);

// "member 'NAME': REASON", ExitCode::failed.
Error member_error(const ArchiveMember& member, std::string_view reason);
// Throws if the archive's reader had to complain about the member, or nobody could use its name.
void check_header(const ArchiveMember& member);

// Where members of an archive stand in the tree that they make, one after the other.
class MemberPlaces {
public:
  // The normal name of the place of the next member. The links before it that it stands below
  // are followed, also absolute ones, from the archive's root. Nothing if its name leads out of the
  // archive, or over a link in a circle.
  std::optional<std::string> take(const ArchiveMember& member);
  // The same for a name that a member has as its target.
  std::optional<std::string> place_of(std::string_view name);
  // The links of the tree by now.
  const LinkMap& links() const { return m_links; }

private:
  LinkMap m_links;
  // Members of a folder mostly stand together.
  std::string m_folder;
  std::optional<std::string> m_place_of_folder;
};

// Writes the current member of `archive` to an empty file. Does not call finish(). Throws Error.
void write_member(MemberReader& archive, const ArchiveMember& member, SparseWriter& writer,
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

struct MemberOutput {
  std::string member; // as the user says it
  std::string path;
  MadeRecord record;
};

// Makes the outputs, of which there is at least one. Errors as unpack(), without the source's name;
// a member that is not there with the nearest names.
void unpack_members(const std::string& source, const UnpackRule& rule,
                    const std::vector<MemberOutput>& outputs);

// What an archive holds, for people and scripts.

// A line for each member: type, size and name as the archive has it, parted by tabs; a folder's
// name ends with "/", a link is followed by " -> " and where it leads. The size is "-" where the
// archive does not say it before the data. A fourth part, "replaced", says that a later member
// has taken the place. Bytes that a terminal could act on are escaped.
// Throws Error as unpack().
std::vector<std::string> list_members(const std::string& source, const UnpackRule& rule);

} // namespace qt
