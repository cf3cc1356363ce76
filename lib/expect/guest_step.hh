// The steps in which the guest itself runs what is judged: shell, a command (shell_command.hh says
// what is typed for it), and tap, its own tests (guest_tap.hh).
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Runs to its end. Throws DialogueEnd if it fails, Error.
void run_step(const StepRun& run, const RunInGuest& step);

// Runs to its end, and leaves a result for each test, also where it fails. Throws DialogueEnd if it
// fails, but not for a test that does; Error.
void run_step(const StepRun& run, const ReadTests& step);

} // namespace qt
