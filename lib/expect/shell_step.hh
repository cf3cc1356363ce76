// The step that runs a command in the guest's shell and judges how it has ended: shell
// (shell_command.hh says what is typed for it).
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Runs one such step to its end. Throws DialogueEnd if it fails, Error.
void run_shell_step(const StepRun& run);

} // namespace qt
