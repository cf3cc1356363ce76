// Taking some members out of an archive: by their names, through links, also absolute ones and
// those on the way, from the archive's root. In as few passes as the links allow; each goes to the
// end of the archive (member_data.hh), unless only the first of each name is wanted.
#pragma once

#include "extract/made_record.hh"
#include "extract/unpack_rule.hh"

#include <string>
#include <vector>

namespace qt {

struct MemberOutput {
  std::string member; // as the user says it
  std::string path;
  MadeRecord record;
};

// Makes the outputs, of which there is at least one. Errors as unpack(), without the source's name;
// a member that is not there with the nearest names.
void unpack_members(const std::string& source, const UnpackRule& rule,
                    const std::vector<MemberOutput>& outputs);

} // namespace qt
