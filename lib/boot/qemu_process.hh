// QEMU as a process: the channels that it inherits, its life, and gdb beside it or around it.
//
// A wrapper ("perf record", "unshare -Urn") may have started it. The wrapper is the child then: its
// end is the end of the run, and what it has started ends with it. But signals and questions about
// the process are for the emulator, which is looked for among the wrapper's descendants; a wrapper
// that runs it in its own place is the emulator.
#pragma once

#include "base/duration.hh"
#include "ipc/run_dir.hh"
#include "os/fd.hh"
#include "os/process.hh"
#include "qemu/machine.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace qt {

// The channels of one machine: qt-boot's ends, QEMU's and the program's, all connected socket pairs
// that are passed on by number (run_dir.hh).
class Channels {
public:
  // Which channels there are; without a program there is no other end for it.
  struct Wanted {
    bool console = true;
    bool monitor = true;
    bool program = true;
  };
  // Throws Error.
  explicit Channels(const Wanted& wanted);

  MachineChannels of_qemu() const;
  VmChannels of_program(const std::string& vm) const;
  // Once they have been inherited. That of QEMU's console is kept.
  void close_other_ends();

  // Ours.
  UniqueFd console;      // to QEMU
  UniqueFd reader;       // to the program
  UniqueFd monitor;      // to QEMU
  UniqueFd exit;         // to the program
  UniqueFd qemu_console; // QEMU's end, by which can be seen what it has not taken

private:
  UniqueFd m_qemu_monitor;
  UniqueFd m_qemu_monitor_of_program;
  UniqueFd m_program_console;
  UniqueFd m_program_monitor;
  UniqueFd m_program_exit;
};

class QemuProcess {
public:
  // `emulator`: the executable that the wrapper starts; empty: there is no wrapper.
  QemuProcess(Process process, std::string emulator);

  // Of the emulator; of the wrapper until the emulator was seen, or if it never is, as where it is
  // a script.
  pid_t pid() const noexcept { return m_pid; }
  int exit_fd() const noexcept { return m_process.exit_fd(); }

  // Looks for the emulator that a wrapper has started, until it was seen. Cheap: to be called
  // often.
  void look_for_emulator() noexcept;

  // As Process. A wrapper that exits with 128 + n says that signal n has ended QEMU.
  std::optional<ExitStatus> poll();
  // SIGKILL is for all, others for the emulator while it lives.
  void send_signal(int number) noexcept;
  // Whether the emulator has a handler for the signal; false if that cannot be told (proc(5)).
  bool catches(int number) const noexcept;

private:
  void find_emulator();

  Process m_process;
  bool m_has_wrapper;
  std::string m_emulator; // to be looked for; empty: it was seen
  pid_t m_pid;
  UniqueFd m_emulator_fd; // pidfd of an emulator that is not the child itself
  Deadline m_next_look = Deadline::after(Duration::zero());
};

// QEMU's stub for gdb on a port of this host that nobody else can have: we listen on it and hand
// the socket to QEMU, whose machine waits until gdb lets it go.
class GdbStub {
public:
  // Throws Error.
  GdbStub();

  // A descriptor for QEMU to inherit, under the same number.
  int fd() const noexcept { return m_socket.get(); }
  // What QEMU is to be told.
  std::vector<std::string> arguments() const;
  // "127.0.0.1:40001", as gdb's "target remote" takes it.
  std::string address() const;

private:
  UniqueFd m_socket;
  std::uint16_t m_port = 0;
};

// QEMU under gdb at the user's terminal: the command line that runs `argv` under gdb, which waits
// for "run". It ends when the program has ended, as that did; Ctrl-C is for gdb and the program
// only. It needs a terminal as its standard input. Throws Error(ExitCode::not_found) if there is no
// gdb.
std::vector<std::string> under_gdb(const std::vector<std::string>& argv);

} // namespace qt
