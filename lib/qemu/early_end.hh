// The end of a machine whose guest panics or shuts down in its first milliseconds.
//
// QEMU runs the guest before it reads from its monitors. Two things would go wrong with such a one:
//
//   - An event is lost on a monitor that has not negotiated: a panic would look like a QEMU that
//     ended by itself.
//   - Some versions of QEMU, 10.0 is one, die by SIGSEGV if a command is still to be read when they
//     end: the thread that reads it wakes the one that would answer, which there is no more.
//
// So QEMU is started with "-action panic=pause,shutdown=pause" (machine.hh), which keeps such a
// machine until it is asked for. The first that our own monitor does is to ask whether there is
// one, and then to give both their usual actions back, or none where the machine is to stay. Only
// then may the program ask something of its monitor (exit_channel.hh: "settled"), so that what it
// finds there, and what it changes, is as if nothing had been kept. What it can see of that is the
// STOP of a machine that was kept, and the SHUTDOWN (host-qmp-quit) with which it is ended then.
//
// Sources: qemu/qapi/run-state.json (set-action, query-status); qemu_system_guest_panicked() and
// main_loop_should_exit() of qemu/softmmu/runstate.c; monitor_cleanup() of qemu/monitor/monitor.c
// and qmp_dispatcher_co_wake() of qemu/monitor/qmp.c.
#pragma once

#include "data/json.hh"
#include "qemu/own_monitor.hh"

#include <functional>
#include <string>

namespace qt {

enum class AfterPanic {
  ends,  // QEMU does, as it does by default
  runs,  // the machine goes on (-action panic=none)
  stays, // the machine stands still: -no-shutdown, or people want to look at it (--on-fail)
};
enum class AfterShutdown {
  ends,
  stays, // -no-shutdown
};

class EarlyEnd {
public:
  using Told = std::function<void(const Json& event)>;

  // `monitor` must outlive the object.
  EarlyEnd(OwnMonitor& monitor, AfterPanic panic, AfterShutdown shutdown)
    : m_monitor(monitor)
    , m_panic(panic)
    , m_shutdown(shutdown) {}

  // To be called before anything else is asked, and again when QEMU has executed itself: the
  // arguments hold again. All is called from within the monitor's handle().
  // `found`: the machine has panicked or shut down before that could be heard; the events are as
  // QEMU would have told them, with "early" among their data. QEMU is then ended, if it would have
  // been.
  // `settled`: once, when the machine does as its arguments say; not if it is being ended.
  void look(Told found, std::function<void()> settled);
  // To be told of every event of the monitor.
  void note(const Json& event);
  // A panic that was to stop the machine is to end QEMU, one that has been too.
  void let_panics_end();

private:
  enum class Standing { no, panicked, shut_down };

  void ask(const Json& actions);
  void take_status(const std::string& status);
  void release();

  OwnMonitor& m_monitor;
  AfterPanic m_panic;
  AfterShutdown m_shutdown;
  Told m_found;
  std::function<void()> m_settled;
  int m_open = 0; // questions that are to be answered: until then an end only stops the machine
  bool m_panic_told = false;
  bool m_shutdown_told = false;
  Standing m_standing = Standing::no;
};

} // namespace qt
