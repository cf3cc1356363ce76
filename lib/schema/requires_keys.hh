// The rows of the vocabulary for what a test requires.
#pragma once

#include "schema/key.hh"

#include <array>

namespace qt {

inline constexpr std::array k_requires = {
    Key{"commands", Type::texts, "", "programs on PATH"},
    Key{"env", Type::texts, "", "environment variables, NAME or NAME=EXAMPLE"},
    Key{"host-arch", Type::texts, "", "the host's architecture is one of these"},
    Key{"host-os", Type::texts, "", "the host's system is one of these"},
    Key{"accel", Type::texts, "", "one of these accelerators works"},
    Key{"device", Type::texts, "", "QEMU has these devices"},
    Key{"netdev", Type::texts, "", "QEMU has these network back ends"},
    Key{"qmp", Type::texts, "", "QEMU's monitor has these commands; those of steps are implied"},
    Key{"machine", Type::texts, "", "QEMU has these machines", 0, Empty::allowed},
    Key{"locked-memory", Type::size, "", "the limit of locked memory"},
    Key{"qemu-version", Type::text, "", "\">= 8.0\", \"< 10\""},
    Key{"flaky", Type::text, "", "why it is unstable: the bug's URL, or a table of bug, until, on"},
    Key{"untrusted", Type::flag, "", "runs untrusted code"},
    Key{"large-storage", Type::flag, "", "needs much storage"},
    Key{"slow", Type::flag, "", "runs very long"},
    Key{"network", Type::flag, "", "needs the internet"},
    Key{"disabled", Type::text, "", "why it never runs"},
};

} // namespace qt
