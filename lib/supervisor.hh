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

#include "base_log.hh"
#include "chained_program.hh"
#include "ending.hh"
#include "evidence.hh"
#include "exit_channel.hh"
#include "hold.hh"
#include "judgement.hh"
#include "last_bytes.hh"
#include "own_monitor.hh"
#include "process.hh"
#include "relay.hh"
#include "services.hh"
#include "terminal.hh"
#include "termination.hh"
#include "viewers.hh"

#include <optional>
#include <string>

namespace qt {

// What is running. All of it has ended when supervise() returns.
struct RunningMachine {
  Process qemu;
  std::string emulator; // its executable
  std::optional<ChainedProgram> program;
  Services services;
  std::optional<ConsoleRelay>& console;
  std::optional<OwnMonitor>& monitor;
  Evidence& evidence;
  Hold& hold;
  std::optional<Viewers> viewers;
  ExitChannel exit_channel;
  EscapeKeys* escape_keys = nullptr; // a terminal is the console
};

struct RunLimits {
  std::optional<Duration> timeout; // of the whole run
  bool exit_expected = false;      // QEMU is to end by itself after the program has passed
};

// Fills in the facts of the run that it knows: how QEMU and the program ended, and why. Never
// throws for what QEMU or the program do; throws Error if the host fails (the log cannot be
// written).
void supervise(RunningMachine& machine, const RunLimits& limits, TerminationSignals& signals,
               BaseLog& log, RunFacts& facts);

} // namespace qt
