// A panic before anybody could hear of it. QEMU runs the guest before it reads from its monitors,
// and an event is lost on a monitor that has not negotiated: a guest that panics in its first
// milliseconds would look like a QEMU that ended by itself. So QEMU is started with "-action
// panic=pause" (machine.hh), which keeps the state of such a machine until it is asked for; and the
// first that our own monitor does is to give a panic its usual action back and to ask; or only to
// ask, where the machine is to stay. The program's monitor sees nothing of it. Sources:
// qemu/qapi/run-state.json (set-action, query-status), qemu_system_guest_panicked() of
// qemu/softmmu/runstate.c.
#pragma once

#include "data/json.hh"
#include "qemu/own_monitor.hh"

#include <functional>

namespace qt {

enum class AfterPanic {
  ends,  // QEMU does, as it does by default
  runs,  // the machine goes on (-action panic=none)
  stays, // the machine stands still: -no-shutdown, or people want to look at it (--on-fail)
};

// Asks `monitor`, before anything else is asked. `found` is called from within its handle() if the
// machine has panicked by then, with the event as QEMU would have told it and "early" among its
// data; also where the event itself has just come; it may be empty. QEMU is then ended, if it would
// have been. Asking for "ends" later ends a machine that has stayed.
void look_for_early_panic(OwnMonitor& monitor, AfterPanic after,
                          std::function<void(const Json& event)> found);

} // namespace qt
