// The steps that talk to a console: wait, wait-regex, line, send, interrupt.
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Runs one such step to its end. Throws DialogueEnd if it fails, Error.
void run_console_step(const StepRun& run);

} // namespace qt
