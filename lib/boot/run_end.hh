// When a run is over, and what becomes of the machine then: whether it is ended at once
// (ending.hh), may end by itself, is asked for evidence first (evidence.hh), or is held for people
// (hold.hh).
//
// The program's end is the end of the run; where there is no program, whatever stands for it. A
// deadline, a dead daemon or a signal ends the program first (SIGTERM; SIGKILL after 2 s, after a
// signal 150 ms), so that it can write its verdict while QEMU still runs. A machine that is held
// has no deadline. Does not say what it all amounts to (judgement.hh): only the facts.
//
// Passive: the owner waits for deadline() and tells what has happened. Nothing here blocks.
#pragma once

#include "boot/ending.hh"
#include "boot/judgement.hh"
#include "boot/running_machine.hh"
#include "ipc/base_log.hh"
#include "ipc/exit_channel.hh"

#include <optional>

namespace qt {

class RunEnd {
public:
  // The time of the run counts from here. All must outlive the object.
  RunEnd(RunningMachine& machine, const RunLimits& limits, BaseLog& log, RunFacts& facts);
  RunEnd(const RunEnd&) = delete; // the evidence, once there, calls back
  RunEnd& operator=(const RunEnd&) = delete;

  // The program has ended (facts.program is how), or what stands for it.
  void end_run();
  // A person at the console has had enough.
  void end_from_keyboard();
  // What is written threatens to fill the disk; `message` says how much it is.
  void end_by_flood(const std::string& message);
  // A signal to this process: everything ends in 300 ms, and further ones change nothing. While the
  // machine is held it ends only that: the run has been judged.
  void end_by_signal(int number);
  // What the program asks for; requests other than quit, done, kill and hold are not about the end.
  void take_request(ExitRequest request);

  // The earliest of the run's, the program's and QEMU's own; not those of what it only starts (the
  // evidence).
  Deadline deadline() const;
  // This program was stopped for so long, which does not count for the run's own deadline.
  void put_off(Duration span);
  // Does what is due, also where a daemon's end has become a failure. Throws Error if QEMU survives
  // SIGKILL.
  void handle_deadlines();
  // Ends the holding if people have asked for it, or QEMU has ended.
  void handle_hold();
  // True if QEMU has just been found to have ended; facts.qemu is how.
  bool poll_qemu();

  bool over() const { return m_over; }
  bool qemu_runs() const { return m_ending.running(); }
  // It runs and has not been asked to end.
  bool qemu_wanted() const { return m_ending.running() && !m_ending.asked(); }

private:
  void handle_run_deadline();
  void end_or_hold();
  void end_program_or_run();

  RunningMachine& m_machine;
  const RunLimits& m_limits;
  BaseLog& m_log;
  RunFacts& m_facts;

  Ending m_ending;
  Deadline m_run_deadline;
  bool m_over = false; // the program has ended, or what stands for it
};

} // namespace qt
