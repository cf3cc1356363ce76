// From what one asks of qt-boot to what boot() is told: the keys of a machine and the options of a
// run are checked, and what depends on the host is looked up: the emulator's name, descriptors that
// are open, a device for panics, the path of QEMU_TEST_QMP_BACKDOOR. Refuses what would only come
// out once the machine runs.
#pragma once

#include "boot/boot.hh"
#include "data/json.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

struct BootRequest {
  Json machine = Json::object(); // by vm_keys(), in normal form
  std::optional<std::string> name;
  std::optional<std::string> run_dir;
  std::optional<Duration> timeout;      // as named (timeout_multiplier.hh)
  std::optional<std::string> log_limit; // a size
  std::vector<std::string> descriptors; // numbers of open ones, for QEMU to inherit
  OnFail on_fail = OnFail::end;
  bool gdb = false;
  bool gdb_stub = false;
};

// Leaves QEMU's own arguments and the program to the caller. With the key "pvpanic" it starts the
// emulator to look for a bus: 10 s at most. Throws Error(ExitCode::usage) naming the option, or
// QEMU_TEST_VMS if the chain around is broken.
BootOptions boot_options(const BootRequest& request);

} // namespace qt
