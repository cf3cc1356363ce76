// The rows of the vocabulary for a machine: keys of a test, options of qt-boot.
#pragma once

#include "schema/key.hh"

#include <array>

namespace qt {

inline constexpr std::array k_vm = {
    Key{"qemu", Type::text, "PROGRAM", "the emulator (default: of this host's architecture)"},
    Key{"wrapper", Type::argv, "COMMAND", "the command that starts the emulator, with its words"},
    Key{"machine", Type::text, "NAME", "machine type, with its properties"},
    Key{"cpu", Type::text, "MODEL", "CPU model", 0, Empty::allowed},
    Key{"accel", Type::text, "NAME", "accelerator"},
    Key{"console", Type::console, "N|TYPE|false", "serial port (default 0), device, or no console"},
    Key{"qmp", Type::boolean, "true|false", "whether QEMU gets a monitor (default true)"},
    Key{"pvpanic", Type::flag, "", "add a device by which the guest can report a panic"},
    Key{"exit", Type::status, "STATUS", "QEMU must end by itself with STATUS, or any"},
    Key{"output", Type::checks, "TEXT", "QEMU's own stdout and stderr contain TEXT"},
    Key{"skip-if-output", Type::texts, "TEXT", "skip if QEMU ends at start and printed TEXT"},
    Key{"service", Type::argvs, "COMMAND", "start this daemon before QEMU and end it afterwards"},
    Key{"ready", Type::texts, "unix:PATH|tcp:PORT|log:TEXT",
        "wait for this from the daemons before QEMU starts"},
    Key{"confine", Type::text, "none|sandbox", "whether to run QEMU in a sandbox (default none)"},
    Key{"args", Type::texts, "", "QEMU's arguments", 0, Empty::allowed},
};

} // namespace qt
