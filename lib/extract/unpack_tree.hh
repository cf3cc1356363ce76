// An archive as a folder: all of it, or what is below one of its folders.
#pragma once

#include "extract/made_record.hh"
#include "extract/unpack_rule.hh"

#include <string>

namespace qt {

// Makes the folder `output`, marked with `record`. Errors as unpack(), without the source's name.
// Devices, fifos and sockets are left out with a warning; owners and setuid bits are not kept, also
// not for root: what a test finds does not depend on who runs it.
void unpack_tree(const std::string& source, const UnpackRule& rule, const std::string& output,
                 const MadeRecord& record);

} // namespace qt
