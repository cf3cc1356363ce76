// What the programs of a chain tell each other: the environment variables, the names of the files
// in a run directory, and how much these may hold. qt-boot makes a run directory (or is given one)
// and its program finds everything by these variables:
//
//   QEMU_TEST_RUN_DIR  the run directory, absolute
//   QEMU_TEST_STAGE    the name of this stage of a test whose stages share the directory, as
//                      "verify": dialogue.log is gone on with; else it is begun anew
//   QEMU_TEST_VMS      "NAME=console:FD,qmp:FD,exit:FD" for each machine, separated by spaces; a
//                      channel that a machine does not have is left out
//
// Files: base.log (what the framework did), console.log or VM.console.log (raw), dialogue.log,
// VM.log (QEMU's stdout and stderr; "default.log" for an unnamed machine), verdict.json
// (verdict.hh), scratch/.
#pragma once

#include "ipc/verdict.hh"
#include "os/folder_size.hh"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

inline constexpr const char* k_run_dir_variable = "QEMU_TEST_RUN_DIR";
inline constexpr const char* k_stage_variable = "QEMU_TEST_STAGE";
inline constexpr const char* k_vms_variable = "QEMU_TEST_VMS";
inline constexpr const char* k_default_vm = "default";

// The descriptors that a program of a chain inherits for one machine; -1: no such channel.
//   console  two-way byte stream, relayed by qt-boot; end of file when QEMU is gone and all is read
//   qmp      QEMU's own monitor, nothing read yet (the greeting is still to come)
//   exit     how QEMU ended, and what the program asks for (exit_channel.hh)
struct VmChannels {
  std::string name;
  int console = -1;
  int qmp = -1;
  int exit = -1;
};

std::string format_vms(const std::vector<VmChannels>& vms);
// Throws Error(ExitCode::usage) naming the part that is wrong. An empty text gives no machines.
std::vector<VmChannels> parse_vms(std::string_view text);

// The names inside a run directory. With one machine called "default" the console log is
// "console.log", otherwise "VM.console.log".
std::string console_log_path(const std::string& run_dir, std::string_view vm);
std::string qemu_log_path(const std::string& run_dir, std::string_view vm);
// The socket for those who look at a machine (boot/viewers.hh). qt-boot makes it after it has
// started the program.
std::string attach_path(const std::string& run_dir, std::string_view vm);
std::string dialogue_log_path(const std::string& run_dir);
std::string base_log_path(const std::string& run_dir);
std::string scratch_path(const std::string& run_dir);

// What lies beside a run directory for its repetitions: `run_dir`.2, .3, …
std::vector<std::string> repetitions_of(const std::string& run_dir);

// How much the files of a run may take of the disk: all logs together a few times what one may,
// and what is in the scratch folder whatever the disk has room for. The program that runs a
// machine looks after that, and the one that runs a stage without a machine.

FolderSize size_of_run(const std::string& run_dir, std::uint64_t log_limit);

// The scratch folder that is in use there: all phases of a subtest, which have run directories of
// their own in its run directory, share one.
std::string scratch_of_run(const std::string& run_dir);

} // namespace qt
