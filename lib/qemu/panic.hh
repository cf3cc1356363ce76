// The device on which a guest tells QEMU of its panic (GUEST_PANICKED). How often a machine has
// panicked: guest_event.hh.
//
// The device is the ISA one where the machine has such a bus and the emulator the device (x86),
// else the PCI one; on some machines a panic is told without (s390x, pseries). Linux has drivers
// for both, for PCI since 5.13.
//
// Source: qemu/docs/specs/pvpanic.rst.
#pragma once

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

} // namespace qt
