// The commands that run a subtest, for a shell: what runner.hh does, without verdict. Of conditions
// it says only which are not met.
#pragma once

#include "tap/scene.hh"

#include <string>

namespace qt {

// Lines for a POSIX shell, the first a comment with the name; pasted into `sh -e` they do what
// run_subtest() does with these settings, and end with the same status. Each dialogue gets the time
// that the first one has; a run gives later ones what is left of it. Descriptors that machines
// share cannot be written down: a comment says so. Looks at the host and asks the emulator, changes
// nothing. Throws Error.
std::string dry_run_text(const Definition& definition, const Subtest& subtest,
                         const RunSettings& settings);

} // namespace qt
