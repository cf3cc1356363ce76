// A machine on the terminal of whoever runs a test: its console, what is typed there, its monitor.
// That is "qt-boot --attach" (boot/attach.hh) as a program of its own, which ends when the person
// leaves or nothing more can come.
#pragma once

#include "os/process.hh"
#include "os/terminal.hh"

#include <memory>
#include <string>
#include <string_view>

namespace qt {

// Whether there is a terminal that belongs to this session, whatever the standard descriptors are.
bool has_terminal();

class TerminalView {
public:
  // Shows the machine `vm` that runs with `run_dir`, after a line that says why (may be empty).
  // Nothing if there is no terminal. Throws Error if qt-boot cannot be started.
  static std::unique_ptr<TerminalView> open(const std::string& run_dir, const std::string& vm,
                                            std::string_view why);

  // Readable once it has ended.
  int exit_fd() const noexcept { return m_program.exit_fd(); }
  bool ended() { return m_program.poll().has_value(); }

private:
  TerminalView(UniqueFd terminal, Process program, const termios& before);

  UniqueFd m_terminal;
  KeptMode m_mode; // given back when the program is gone, however it went
  Process m_program;
};

} // namespace qt
