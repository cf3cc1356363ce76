// The steps about the machine: what its monitor is asked (qmp, hmp, event), and its end (exit,
// quit, kill, running).
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Each runs to its end. Throws DialogueEnd if it fails, Error.
void run_step(const StepRun& run, const AwaitExit& step);
void run_step(const StepRun& run, const Quit& step);
void run_step(const StepRun& run, const Kill& step);
void run_step(const StepRun& run, const KeepRunning& step);
void run_step(const StepRun& run, const AskQmp& step);
void run_step(const StepRun& run, const AskHmp& step);
void run_step(const StepRun& run, const AwaitEvent& step);

} // namespace qt
