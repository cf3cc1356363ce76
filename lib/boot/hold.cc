#include "boot/hold.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/shell_words.hh"
#include "ipc/exit_channel.hh"
#include "os/file.hh"

#include <unistd.h>

namespace qt {

OnFail on_fail_from(std::string_view word) {
  if (word == "end" || word == "keep" || word == "shell") {
    return word == "end" ? OnFail::end : word == "keep" ? OnFail::keep : OnFail::shell;
  }
  throw Error("expected end, keep or shell", ExitCode::usage);
}

bool Hold::begin(std::optional<OwnMonitor>& monitor, BaseLog& log) {
  if (m_on_fail == OnFail::end || m_used) {
    return false;
  }
  if (m_on_fail == OnFail::shell) {
    m_shell = TerminalView::open(m_run_dir, m_vm, "");
  }
  if (m_on_fail == OnFail::shell && !m_shell) {
    log_warning("there is no terminal to give the console to; run the test without Meson, or with "
                "'meson test --interactive' (Meson 1.5)");
    return false;
  }
  m_active = true;
  follow(monitor, log);
  for (const int fd : m_outer) {
    ExitChannelOfProgram(fd, "another machine").ask(ExitRequest::hold);
  }
  if (m_on_fail == OnFail::keep) {
    const std::vector<std::string> words = {sibling_program("qt-boot"), "--attach", m_run_dir,
                                            "--name", m_vm};
    log_plain(format("{}: the machine '{}' has failed its test and is kept{}", program_name(), m_vm,
                     monitor ? ", stopped" : ""));
    log_plain(format("  look at it: {}", shell_join(words)));
    log_plain(format("  end it:     Ctrl-a q there, Ctrl-C here, or kill {}", ::getpid()));
  }
  return true;
}

void Hold::follow(std::optional<OwnMonitor>& monitor, BaseLog& log) {
  m_used = true;
  log.write(m_on_fail == OnFail::shell ? "holding the machine" : "holding the machine, stopped");
  if (m_on_fail != OnFail::shell && monitor) {
    monitor->ask("stop", Json::object(), {});
  }
}

void Hold::end() {
  m_active = false;
  m_shell.reset();
}

} // namespace qt
