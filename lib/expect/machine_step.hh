// The steps about the end of the machine: exit, quit, kill, running.
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Each runs to its end. Throws DialogueEnd if it fails, Error.
void run_step(const StepRun& run, const AwaitExit& step);
void run_step(const StepRun& run, const Quit& step);
void run_step(const StepRun& run, const Kill& step);
void run_step(const StepRun& run, const KeepRunning& step);

} // namespace qt
