// A question to a machine's monitor that no step asks: what comes of it is judged nowhere.
#pragma once

#include "expect/step_run.hh"

#include <string>

namespace qt {

// The answer of the human monitor to `line`; empty if the machine has no monitor, or gives none
// within 2 s.
std::string ask_quietly(const StepRun& run, Guest& guest, const std::string& line);

} // namespace qt
