// The end of a run, as one state machine: when the run is over, and what becomes then of its
// machine and all that runs for it.
//
//   running ── the run's deadline; a program that was late ──► gathering evidence
//    │  ▲                                                       │  │
//    │  └──────── a program that still runs ends first ─────────┘  │
//    │                                                             │
//    ├── the program has failed ──► held ◄─────────────────────────┤   where it is to be kept
//    │                               │ people have seen enough     │
//    ▼                               ▼                             ▼
//   quitting ── 5 s ──► terminating ── 2 s ──► killing          (quitting)
//    ▲
//    ├── 30 s, or the run's deadline ── awaiting_exit ◄── passed, and QEMU is to end by itself
//    └── 1 s ── dying ◄── the program has ended, and QEMU has closed its monitor
//
//   a signal to qt-boot: the program ends first; then, from anywhere:
//   hurrying ── 80 ms ──► killing
//
//   QEMU's end, from anywhere ──► last_bytes ── its reader has all, or is stuck ──► ended
//
// A QEMU that has said that it ends is asked to quit only if it is still there 1 s later.
// Whoever has no monitor skips quitting; a QEMU that is still starting gets 2 s to do so, or to
// refuse its arguments, before SIGTERM or a SIGKILL that the program wants. The program's end is
// the end of the run; where there is no program, whatever stands for it. A deadline, a dead daemon,
// a flood or a signal ends the program first (SIGTERM; SIGKILL after 2 s, after a signal 150 ms),
// so that it can write its verdict while QEMU still runs. A machine that is held has no deadline.
// What it all amounts to is said elsewhere (judgement.hh), when it has ended: here are only the
// facts.
#pragma once

#include "boot/evidence.hh"
#include "boot/hold.hh"
#include "boot/judgement.hh"
#include "boot/qemu_process.hh"
#include "boot/relay.hh"
#include "boot/services.hh"
#include "boot/viewers.hh"
#include "ipc/base_log.hh"
#include "ipc/exit_channel.hh"
#include "os/bounded_log.hh"
#include "os/event_loop.hh"
#include "os/folder_size.hh"
#include "os/process.hh"
#include "os/terminal.hh"
#include "qemu/early_end.hh"
#include "qemu/own_monitor.hh"

#include <optional>
#include <string>

namespace qt {

// One machine with all that runs for it, between its start (boot.hh) and its end (supervisor.hh).
// What is only referred to must outlive the object.
struct RunningMachine {
  EventLoop& loop;
  QemuProcess qemu;
  std::string emulator; // its executable
  LoggedOutput& output; // its stdout and stderr
  FolderSize& folder;   // the run directory
  std::optional<Process> program;
  Services services;
  std::optional<ConsoleRelay>& console;
  std::optional<OwnMonitor>& monitor;
  Evidence& evidence;
  Hold& hold;
  std::optional<Viewers> viewers;
  ExitChannelOfBoot exit_channel;
  EscapeKeys* escape_keys = nullptr; // a terminal is the console
};

struct RunLimits {
  std::optional<Duration> timeout; // of the whole run
  bool exit_expected = false;      // QEMU is to end by itself after the program has passed
  // What QEMU is to do that was started so that it keeps an early end (early_end.hh); nothing: it
  // was not.
  std::optional<AfterPanic> after_panic;
  AfterShutdown after_shutdown = AfterShutdown::ends;
};

class Shutdown {
public:
  // In the order in which a machine passes through them.
  enum class State {
    running,       // nobody wants it to end
    awaiting_exit, // it is to end by itself
    dying,         // its exit status comes in a moment
    gathering,     // it is asked for evidence, of a deadline
    held,          // it has failed and is kept for people
    quitting,      // asked on its monitor
    terminating,   // SIGTERM
    hurrying,      // SIGTERM, in the little time that a signal to us leaves
    killing,       // SIGKILL
    last_bytes,    // it has ended; of its console something is still to be read
    ended,         // and the program has been told
  };
  enum class Event {
    passed, // the program has ended so, or what stands for it
    skipped,
    failed,
    late,
    timed_out, // the deadline of the run
    given_up,  // another reason to end, and no program runs
    evidence,  // is there, or cannot be had
    released,  // people have seen enough of a machine that is held, or it cannot be held
    quit,      // the program or a person wants its end
    kill,
    signal, // to this process
    bound,  // of the state has passed
    qemu_ended,
    console_read,
  };
  struct Circumstances {
    bool program_runs = false;
    bool signalled = false;         // a signal to this process ends the run
    bool exit_expected = false;     // QEMU is to end by itself, and nothing has gone wrong
    bool monitor_open = false;      // QEMU can be asked to quit
    bool monitor_closed = false;    // by QEMU
    bool keeps_failed = false;      // a machine that has failed is to be held
    bool evidence_gathered = false; // of a deadline
  };
  // All transitions; `now` where an event changes nothing. Pure.
  static State next_state(State now, Event event, const Circumstances& are);

  // The time of the run counts from here. All must outlive the object, which works in the turns of
  // the machine's loop. They throw Error if QEMU survives SIGKILL.
  Shutdown(RunningMachine& machine, const RunLimits& limits, BaseLog& log, RunFacts& facts);
  Shutdown(const Shutdown&) = delete; // its timers call back
  Shutdown& operator=(const Shutdown&) = delete;

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
  // True if QEMU has just been found to have ended; facts.qemu is how.
  bool poll_qemu();
  // To be called after each turn: takes what daemons, evidence, people and the console's reader
  // have come to.
  void advance();

  State state() const { return m_state; }
  bool program_runs() const { return m_machine.program && !m_facts.program; }
  // The program has ended, or what stands for it.
  bool over() const { return m_over; }
  bool qemu_runs() const { return m_state < State::last_bytes; }
  // It runs and has not been asked to end.
  bool qemu_wanted() const { return m_state <= State::held; }
  // There is nothing more to wait for.
  bool done() const {
    return m_state == State::ended && !program_runs() && !m_machine.evidence.busy();
  }

private:
  void take(Event event);
  void enter(State last);
  Circumstances circumstances() const;
  Event program_end() const;
  bool is_ending() const;
  void note_asked();
  void ask_to_quit();
  void send_quit();
  void await_start(State last);
  void end_started();
  void terminate(Duration bound);
  void handle_deadline();
  void handle_bound();
  void look_at_reader();
  void give_up();
  void end_program(Duration grace);
  void kill_program();

  RunningMachine& m_machine;
  const RunLimits& m_limits;
  BaseLog& m_log;
  RunFacts& m_facts;

  State m_state = State::running;
  bool m_over = false;
  bool m_program_knows_of_end = false;
  bool m_evidence_gathered = false;
  Deadline m_start = Deadline::never(); // until then QEMU may still start before it is ended
  Timer m_run_timer;                    // of the whole run
  std::optional<Duration> m_run_left;   // of it, while a person looks at the machine
  Timer m_state_timer;                  // the bound of the state
  Timer m_program_timer;                // until the program is killed
};

} // namespace qt
