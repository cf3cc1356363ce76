// The step that reads the tests which the guest runs itself: tap (guest_tap.hh).
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Runs to its end, and leaves a result for each test, also where it fails. Throws DialogueEnd if it
// fails, but not for a test that does; Error.
void run_step(const StepRun& run, const ReadTests& step);

} // namespace qt
