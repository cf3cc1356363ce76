// The steps that talk to QEMU's monitor: qmp, hmp, event.
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Each runs to its end. Throws DialogueEnd if it fails, Error.
void run_step(const StepRun& run, const AskQmp& step);
void run_step(const StepRun& run, const AskHmp& step);
void run_step(const StepRun& run, const AwaitEvent& step);

// Ends a QEMU that nobody else ends for us: asks its monitor to, and waits until that has closed.
void quit_by_monitor(const StepRun& run);

} // namespace qt
