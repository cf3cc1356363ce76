// The channels of one machine: qt-boot's ends, QEMU's and the program's, all connected socket pairs
// that are passed on by number (run_dir.hh).
#pragma once

#include "ipc/run_dir.hh"
#include "os/fd.hh"
#include "qemu/machine.hh"

#include <string>

namespace qt {

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

} // namespace qt
