// The conditions of a test ("requires" in a definition): whether it can and may run here. An answer
// is a skip reason that says what is missing and, where it is in the user's hands, what to do.
//
// What the user allows is told by variables with any value but the empty one:
//   QEMU_TEST_FLAKY_TESTS, QEMU_TEST_ALLOW_SLOW, QEMU_TEST_ALLOW_UNTRUSTED_CODE,
//   QEMU_TEST_ALLOW_LARGE_STORAGE as in QEMU's own framework, and QEMU_TEST_ALLOW_NETWORK for tests
//   whose guest reaches the internet; QEMU_TEST_NO_DOWNLOAD takes that back.
#pragma once

#include "data/json.hh"
#include "qemu/probe.hh"

#include <string>
#include <string_view>

namespace qt {

// `required`: values by requires_keys(), in normal form. Both give an empty text if nothing is
// missing. The first looks at everything that needs no emulator and starts nothing.
std::string unmet_on_host(const Json& required);
// accel, device, netdev, machine, qemu-version, qmp, config. Throws what Probe throws, and a usage
// error for a word of config that there is not.
std::string unmet_by_emulator(const Json& required, const std::string& program, Probe& probe);

// What a machine's own keys imply: its type and its accelerator ("machine", "accel"). `vm` has
// values by vm_keys().
std::string unmet_by_machine(const Json& vm, const std::string& program, Probe& probe);

// Of a command of the monitor that a step asks for.
std::string unmet_command_of_monitor(const std::string& name, const std::string& program,
                                     Probe& probe);

} // namespace qt
