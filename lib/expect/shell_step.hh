// The step that runs a command in the guest's shell and judges how it has ended: shell
// (shell_command.hh says what is typed for it).
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Runs to its end. Throws DialogueEnd if it fails, Error.
void run_step(const StepRun& run, const RunInGuest& step);

} // namespace qt
