// The panic of a guest: the device on which it tells QEMU (GUEST_PANICKED), and one that was there
// before anybody could hear of it. How often a machine has panicked: guest_event.hh.
//
// The device is the ISA one where the machine has such a bus and the emulator the device (x86),
// else the PCI one; on some machines a panic is told without (s390x, pseries). Linux has drivers
// for both, for PCI since 5.13.
//
// QEMU runs the guest before it reads from its monitors, and an event is lost on a monitor that has
// not negotiated: a guest that panics in its first milliseconds would look like a QEMU that ended
// by itself. So QEMU is started with "-action panic=pause" (machine.hh), which keeps the state of
// such a machine until it is asked for; and the first that our own monitor does is to give a panic
// its usual action back and to ask; or only to ask, where the machine is to stay. The program's
// monitor sees nothing of it.
//
// Sources: qemu/docs/specs/pvpanic.rst; qemu/qapi/run-state.json (set-action, query-status);
// qemu_system_guest_panicked() of qemu/softmmu/runstate.c.
#pragma once

#include "data/json.hh"
#include "qemu/own_monitor.hh"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace qt {

struct PanicDevice {
  std::string name;    // as after -device; empty: there is none
  std::string why_not; // then: for people
};

// Starts the emulator with the machine, stopped, and looks at its buses: takes as long as QEMU
// takes to start, 10 s at most. `program`: path or name on PATH. A machine that cannot be looked at
// has no device. Never throws for what the emulator does.
PanicDevice find_panic_device(const std::string& program, const std::optional<std::string>& machine,
                              const std::optional<std::string>& cpu);

// The same from what is known: "info qtree" of the machine, and the devices of the emulator.
PanicDevice choose_panic_device(const std::string& tree, const std::vector<std::string>& devices);

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
