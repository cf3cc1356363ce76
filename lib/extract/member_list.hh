// What an archive holds, for people and scripts.
#pragma once

#include "extract/unpack_rule.hh"

#include <string>
#include <vector>

namespace qt {

// A line for each member: type, size and name as the archive has it, parted by tabs; a folder's
// name ends with "/", a link is followed by " -> " and where it leads. The size is "-" where the
// archive does not say it in front of the data. A fourth part, "replaced", says that a later member
// has taken the place. Bytes that a terminal could act on are escaped.
// Throws Error as unpack().
std::vector<std::string> list_members(const std::string& source, const UnpackRule& rule);

} // namespace qt
