// The steps that talk to QEMU's monitor: qmp, hmp, event.
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Runs one such step to its end. Throws DialogueEnd if it fails, Error.
void run_monitor_step(const StepRun& run);

// Ends a QEMU that nobody else ends for us: asks its monitor to, and waits until that has closed.
void quit_by_monitor(const StepRun& run);

} // namespace qt
