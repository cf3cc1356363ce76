// QEMU's stub for gdb on a port of this host that nobody else can have: we listen on it and hand
// the socket to QEMU, whose machine waits until gdb lets it go.
#pragma once

#include "os/fd.hh"

#include <cstdint>
#include <string>
#include <vector>

namespace qt {

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

// QEMU under gdb at the user's terminal.

// The command line that runs `argv` under gdb, which waits for "run". It ends when the program has
// ended, as that did; Ctrl-C is for gdb and the program only. It needs a terminal as its standard
// input. Throws Error(ExitCode::not_found) if there is no gdb.
std::vector<std::string> under_gdb(const std::vector<std::string>& argv);

} // namespace qt
