// The life of one machine from the moment everything runs: passes the console on, serves the
// requests of the program, ends QEMU in order and says how it all went. One event loop; every wait
// is for a descriptor or for a deadline.
//
// The program's end is the end of the run. So is, where there is no program, the reader of standard
// output going away. Bounds: a run of its own accord, RunLimits::timeout; QEMU asked to quit 5 s,
// then terminated 2 s, then killed; after a signal to this process 300 ms in all. At a deadline,
// the run's or the program's own (status 124), the machine is asked for evidence first, 1 s at
// most.
#pragma once

#include "boot/judgement.hh"
#include "boot/running_machine.hh"
#include "ipc/base_log.hh"
#include "os/termination.hh"

namespace qt {

// Fills in the facts of the run that it knows: how QEMU and the program ended, and why. Never
// throws for what QEMU or the program do; throws Error if the host fails (the log cannot be
// written). All of the machine has ended when it returns.
void supervise(RunningMachine& machine, const RunLimits& limits, TerminationSignals& signals,
               BaseLog& log, RunFacts& facts);

} // namespace qt
