// What becomes of a machine whose test has failed (--on-fail): it ends like any other; it is kept,
// stopped, for people to look at; or a person gets its console on the terminal, still running. A
// machine that is held has no deadline: it ends when whoever looks says so, when qt-boot is
// interrupted, or by itself.
//
// In a chain of several machines all are held: the innermost qt-boot tells the others by "hold" on
// their exit channels, and only it talks to people.
#pragma once

#include "ipc/base_log.hh"
#include "ipc/terminal_view.hh"
#include "qemu/own_monitor.hh"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

enum class OnFail { end, keep, shell };
// "end", "keep", "shell"; throws Error(ExitCode::usage) for anything else.
OnFail on_fail_from(std::string_view word);

class Hold {
public:
  // `outer`: the exit channels of the machines around this one, which it does not own.
  Hold(OnFail on_fail, std::string run_dir, std::string vm, std::vector<int> outer)
    : m_on_fail(on_fail)
    , m_run_dir(std::move(run_dir))
    , m_vm(std::move(vm))
    , m_outer(std::move(outer)) {}

  // A machine that fails is to be held: it must not end by itself where that can be helped.
  bool wanted() const { return m_on_fail != OnFail::end; }
  // Holds the machine and tells people, if that is wanted and possible; false: it is to end.
  bool begin(std::optional<OwnMonitor>& monitor, BaseLog& log);
  // An inner machine is being held: stops this one, if it is to be stopped.
  void follow(std::optional<OwnMonitor>& monitor, BaseLog& log);

  // Held by this object; one that follows another ends with that.
  bool active() const { return m_active; }
  // Held now or before, by this object or another.
  bool used() const { return m_used; }
  // Of the program that shows the console on the terminal; -1: none.
  int exit_fd() const { return m_shell ? m_shell->exit_fd() : -1; }
  // That program has ended.
  bool shell_ended() { return m_shell && m_shell->ended(); }
  void end();

private:
  OnFail m_on_fail;
  std::string m_run_dir;
  std::string m_vm;
  std::vector<int> m_outer;
  bool m_active = false;
  bool m_used = false;
  std::unique_ptr<TerminalView> m_shell;
};

} // namespace qt
