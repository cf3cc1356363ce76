#include "ipc/terminal_view.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <fcntl.h>
#include <utility>

namespace qt {

namespace {

UniqueFd open_terminal() { return UniqueFd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)); }

} // namespace

bool has_terminal() { return open_terminal().get() >= 0; }

TerminalView::TerminalView(UniqueFd terminal, Process program, const termios& before)
  : m_terminal(std::move(terminal))
  , m_mode(m_terminal.get(), before)
  , m_program(std::move(program)) {}

std::unique_ptr<TerminalView> TerminalView::open(const std::string& run_dir, const std::string& vm,
                                                 std::string_view why) {
  UniqueFd terminal = open_terminal();
  if (!terminal) {
    return nullptr;
  }
  const termios before = terminal_mode(terminal.get());
  if (!why.empty()) {
    write_all(terminal.get(), format("{}\n", escape_for_display(why)), "the terminal");
  }
  SpawnOptions options;
  options.standard_input = options.standard_output = options.standard_error = terminal.get();
  Process program = Process::spawn(
      {sibling_program("qt-boot"), "--attach", run_dir, "--name", vm, "--type"}, options);
  return std::unique_ptr<TerminalView>(
      new TerminalView(std::move(terminal), std::move(program), before));
}

} // namespace qt
