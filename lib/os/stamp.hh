// The stamp of a build system: an empty file that says that a run has done all of its work. Ninja
// runs a rule again whose stamp is not there.
#pragma once

#include <string>

namespace qt {

// Takes back what an earlier run said; for the start of a run, so that nothing is said whatever
// becomes of it. Throws Error (usage) for what cannot be a stamp, such as a folder; a device is
// left as it is.
void clear_stamp(const std::string& path);
// Says it, never through a link. Throws Error.
void write_stamp(const std::string& path);

} // namespace qt
