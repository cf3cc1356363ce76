// From a file to what a test needs of it: some members, the whole tree, the decompressed file, the
// file itself at a larger size or as a private copy. Results come into being whole or not at all,
// and nothing is written anywhere else.
//
// A file that needs nothing is handed on by symbolic link. Not by hard link: that would change the
// ctime of a file in the download cache, by which the cache knows that it is untouched; and Linux
// refuses it for files of other users (protected_hardlinks).
#pragma once

#include "extract/made_record.hh"
#include "extract/unpack_rule.hh"

#include <string>
#include <vector>

namespace qt {

// Makes `outputs` from `source`: with several members one each, in their order; else just one. The
// folders above must be there; files of that name are replaced. Throws Error: ExitCode::absent if
// there is no such source, ExitCode::failed if it is damaged, hostile, or does not have the member,
// ExitCode::internal for the disk.
void unpack(const std::string& source, const UnpackRule& rule,
            const std::vector<std::string>& outputs);

} // namespace qt
