// How QEMU is brought to its end: asked on the monitor, then terminated, then killed, each step
// with a bound; or left to end by itself for a while. Tells the facts of the run what it came to.
//
// Passive: the owner waits for QEMU's exit descriptor or deadline() and then calls poll() or
// handle_deadline().
#pragma once

#include "boot/judgement.hh"
#include "boot/qemu_process.hh"
#include "ipc/base_log.hh"
#include "qemu/own_monitor.hh"

#include <optional>

namespace qt {

class Ending {
public:
  // All must outlive the object.
  Ending(QemuProcess& qemu, std::optional<OwnMonitor>& monitor, BaseLog& log, RunFacts& facts);

  // In order: quit on the monitor (5 s), SIGTERM (2 s), SIGKILL. Goes on from where it is; does
  // nothing if QEMU is being ended already.
  void quit();
  // A signal has come to this process: SIGTERM at once, SIGKILL after 80 ms.
  void hurry();
  // SIGKILL that the program has asked for.
  void kill_as_asked();
  // Leaves QEMU to end by itself, for 30 s or for as long as the run may last.
  enum class Bound { own, of_the_run };
  void await_exit(Bound bound);
  // QEMU has closed its sockets: its exit status comes in a moment (1 s; else it is asked).
  void await_death();

  Deadline deadline() const { return m_deadline; }
  // Takes the next step if the deadline has passed. Throws Error if QEMU survives SIGKILL.
  void handle_deadline();
  // True if QEMU has just been found to have ended; facts.qemu is how.
  bool poll();

  bool running() const { return m_phase != Phase::ended; }
  // Nobody wants QEMU to end yet, or only by itself.
  bool untouched() const { return m_phase == Phase::running; }
  bool awaiting_exit() const { return m_phase == Phase::awaiting_exit; }
  bool asked() const { return m_phase >= Phase::quitting; }

private:
  enum class Phase { running, awaiting_exit, dying, quitting, terminating, killing, ended };

  void enter(Phase phase, Duration bound);
  void terminate(Duration bound);
  void kill();

  QemuProcess& m_qemu;
  std::optional<OwnMonitor>& m_monitor;
  BaseLog& m_log;
  RunFacts& m_facts;
  Phase m_phase = Phase::running;
  Deadline m_deadline = Deadline::never();
};

} // namespace qt
