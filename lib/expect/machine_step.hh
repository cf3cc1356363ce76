// The steps about the end of the machine: exit, quit, kill, running.
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Runs one such step to its end. Throws DialogueEnd if it fails, Error.
void run_machine_step(const StepRun& run);

} // namespace qt
