// The rows of the vocabulary for a machine: keys of a test, options of qt-boot.
#pragma once

#include "schema/key.hh"

#include <array>

namespace qt {

inline constexpr std::array k_vm = {
    Key{"qemu", Type::text, "PROGRAM", "the emulator (default: of this host's architecture)"},
    Key{"machine", Type::text, "NAME", "machine, with its properties"},
    Key{"cpu", Type::text, "MODEL", "CPU model", 0, Empty::allowed},
    Key{"accel", Type::text, "NAME", "accelerator"},
    Key{"console", Type::console, "N|TYPE|false", "serial port (default 0) or device; none"},
    Key{"qmp", Type::boolean, "true|false", "whether QEMU gets a monitor (default true)"},
    Key{"pvpanic", Type::flag, "", "a device on which the guest tells of a panic"},
    Key{"exit", Type::status, "STATUS", "QEMU must end by itself with STATUS, or any"},
    Key{"output", Type::checks, "TEXT", "QEMU's own stdout and stderr contain TEXT"},
    Key{"skip-if-output", Type::texts, "TEXT", "skip if QEMU ends at start saying TEXT"},
    Key{"service", Type::argvs, "COMMAND", "a daemon beside QEMU, supervised"},
    Key{"ready", Type::texts, "unix:PATH|tcp:PORT|log:TEXT", "what daemons do before QEMU starts"},
    Key{"confine", Type::text, "none|sandbox", "whether QEMU is locked in (default none)"},
    Key{"args", Type::texts, "", "QEMU's arguments", 0, Empty::allowed},
};

} // namespace qt
