// What the programs of a chain tell each other: the environment variables, the names of the files
// in a run directory, and the verdict. qt-boot makes a run directory (or is given one) and its
// program finds everything by these two variables:
//
//   QEMU_TEST_RUN_DIR  the run directory, absolute
//   QEMU_TEST_VMS      "NAME=console:FD,qmp:FD,exit:FD" for each machine, separated by spaces; a
//                      channel that a machine does not have is left out
//
// Files: base.log (what the framework did), console.log or VM.console.log (raw), dialogue.log,
// VM.log (QEMU's stdout and stderr; "default.log" for an unnamed machine), verdict.json, scratch/.
#pragma once

#include "json.hh"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

inline constexpr const char* k_run_dir_variable = "QEMU_TEST_RUN_DIR";
inline constexpr const char* k_vms_variable = "QEMU_TEST_VMS";
inline constexpr const char* k_default_vm = "default";

// The descriptors that a program of a chain inherits for one machine; -1: no such channel.
//   console  two-way byte stream, relayed by qt-boot; end of file when QEMU is gone and all is read
//   qmp      QEMU's own monitor, nothing read yet (the greeting is still to come)
//   exit     two-way, by lines: qt-boot writes "exited N" or "killed SIGNAL" once, when QEMU has
//            ended; the program may write "quit" (end QEMU in order) or "kill" (SIGKILL), and QEMU
//            ending by that is not a crash; or "done": it has nothing more to do with the machine,
//            which is now ended in order or, if it must end by itself, left to do so; or "events":
//            before its one line qt-boot then writes "event JSON" for each event of the machine
//            that guest_event.hh knows, also for those that have come already
struct VmChannels {
  std::string name;
  int console = -1;
  int qmp = -1;
  int exit = -1;
};

std::string format_vms(const std::vector<VmChannels>& vms);
// Throws Error(ExitCode::usage) naming the part that is wrong. An empty text gives no machines.
std::vector<VmChannels> parse_vms(std::string_view text);

// Why a run ended as it did; the texts in verdict.json are those of cause_name().
enum class Cause {
  pass,
  assertion,    // a monitor reply, a status or a file was not as asked
  fail_pattern, // a failure text appeared
  guest_panic,
  guest_reset,
  qemu_crash,   // QEMU ended by a signal that nobody asked for
  qemu_exit,    // QEMU ended, or not, against what was asked
  qemu_refused, // QEMU ended with an error before the machine ran
  timeout,
  idle_timeout,
  console_eof, // the console ended while something was awaited
  skip,
  asset, // a payload could not be had
  host,  // the host's fault: a program missing, disk full
};

std::string_view cause_name(Cause cause);
// Nothing if `name` is none of the names.
std::optional<Cause> cause_from(std::string_view name);

// verdict.json. Written by whoever decides (qt-expect, or qt-boot where there is no dialogue);
// qt-boot refines the cause with what it alone knows (QEMU refused its arguments, or crashed).
struct Verdict {
  Cause cause = Cause::pass;
  std::string message;                 // one line for people
  std::string vm;                      // the machine concerned; empty if none
  std::string step;                    // the step as on a command line: "--wait login:"
  std::string awaited;                 // the text awaited, raw bytes; empty if none
  std::vector<std::string> last_lines; // of the console concerned, raw bytes
  double seconds = 0;                  // from the start of the program that decided
  // How each machine ended, where the dialogue asked for it ("exited 42"): already judged, qt-boot
  // does not judge again.
  std::map<std::string, std::string> judged_exits;
  Json details = Json::object(); // further facts, free form
};

void write_verdict(const std::string& run_dir, const Verdict& verdict);
// Nothing if there is no verdict.json or it cannot be read as one.
std::optional<Verdict> read_verdict(const std::string& run_dir);

// The names inside a run directory. With one machine called "default" the console log is
// "console.log", otherwise "VM.console.log".
std::string console_log_path(const std::string& run_dir, std::string_view vm);
std::string qemu_log_path(const std::string& run_dir, std::string_view vm);
std::string dialogue_log_path(const std::string& run_dir);
std::string base_log_path(const std::string& run_dir);
std::string scratch_path(const std::string& run_dir);

} // namespace qt
