// The life of one machine from the moment everything runs: passes the console on, serves the
// requests of the program, notes QEMU's events, ends QEMU in order and says how it all went. One
// event loop; every wait is for a descriptor or for a deadline.
//
// The program's end is the end of the run. So is, where there is no program, the reader of standard
// output going away. Bounds: a run of its own accord, RunLimits::timeout; QEMU asked to quit 5 s,
// then terminated 2 s, then killed; after a signal to this process 300 ms in all. At a deadline,
// the run's or the program's own (status 124), the machine is asked for evidence first, 1 s at
// most.
#pragma once

#include "boot/judgement.hh"
#include "boot/shutdown.hh"
#include "data/json.hh"
#include "ipc/base_log.hh"
#include "ipc/exit_channel.hh"
#include "os/termination.hh"

namespace qt {

// Events of the machine that may explain how its run ends (guest_event.hh knows which): kept for
// the verdict as "events", written to base.log, and told to the program once it has asked for them
// (exit_channel.hh). A guest that resets for ever does not fill the memory: of more than 100 the
// oldest 50 and the newest 50 are kept, and what fails a test by itself.
class NotedEvents {
public:
  // `details`: an object, that of the verdict. All must outlive the object.
  NotedEvents(Json& details, ExitChannelOfBoot& program, BaseLog& log)
    : m_details(details)
    , m_program(program)
    , m_log(log) {}

  // `event`: as QMP has it, with "event" and "data". Nothing happens for one that explains nothing.
  void note(const Json& event);
  // Those that have come, and from now on each as it comes.
  void tell_program();

private:
  void tell(const Json& event);

  Json& m_details;
  ExitChannelOfBoot& m_program;
  BaseLog& m_log;
  bool m_telling = false;
};

// Fills in the facts of the run that it knows: how QEMU and the program ended, and why. Never
// throws for what QEMU or the program do; throws Error if the host fails (the log cannot be
// written). All of the machine has ended when it returns.
void supervise(RunningMachine& machine, const RunLimits& limits, TerminationSignals& signals,
               BaseLog& log, RunFacts& facts);

} // namespace qt
