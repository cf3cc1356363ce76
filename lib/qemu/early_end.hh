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
// one, and then to give both their usual actions back, or none where the machine is to stay; after
// that it has nothing to say until the test is over. The program's monitor sees nothing of it.
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
  using Found = std::function<void(const Json& event)>;

  // `monitor` must outlive the object.
  EarlyEnd(OwnMonitor& monitor, AfterPanic panic, AfterShutdown shutdown)
    : m_monitor(monitor)
    , m_panic(panic)
    , m_shutdown(shutdown) {}

  // Asks, before anything else is asked. `found` is called from within the monitor's handle() if
  // the machine has panicked or shut down by then, with the event as QEMU would have told it and
  // "early" among its data; also where the event itself has just come. It may be empty. QEMU is
  // then ended, if it would have been.
  void look(Found found);
  // To be told of every event of the monitor.
  void note(const Json& event);
  // A panic that was to stop the machine is to end QEMU, one that has been too.
  void let_panics_end();

private:
  enum class Standing { no, panicked, shut_down };

  void take_status(const std::string& status, const Found& found);
  void release();

  OwnMonitor& m_monitor;
  AfterPanic m_panic;
  AfterShutdown m_shutdown;
  int m_changes = 0; // of the actions that are to be answered: until then an end stops the machine
  bool m_shutdown_told = false;
  Standing m_standing = Standing::no;
};

} // namespace qt
