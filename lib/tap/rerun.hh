// Which subtests are to be run again after a run that did not pass (--rerun).
#pragma once

#include "tap/scene.hh"
#include "tap/selection.hh"

#include <string>
#include <vector>

namespace qt {

// Those of `selected` that have not passed in the run whose results are in the folder `results`:
// they failed, were skipped, or there is no verdict of them. The checks are chosen as before.
// Throws Error(ExitCode::usage) if there is no such folder, and Error if a verdict cannot be read.
std::vector<Selected> not_passed(const std::vector<Selected>& selected, RunSettings settings,
                                 const std::string& results);

} // namespace qt
