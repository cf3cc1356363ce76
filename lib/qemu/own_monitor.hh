// qt-boot's own connection to QEMU's monitor: enough to know that QEMU has come up, to ask a few
// questions, to hear events and to end it in order. The dialogue of a test has a connection of its
// own and is none of this module's business.
//
// Works in the turns of an event loop, and never blocks.
#pragma once

#include "os/event_loop.hh"
#include "os/fd.hh"
#include "qemu/qmp.hh"

#include <functional>
#include <map>
#include <string>

namespace qt {

class OwnMonitor {
public:
  using Answer = std::function<void(const Json& reply)>; // has "return" or "error"
  using Listener = std::function<void(const Json& event)>;

  // `fd`: our end of a monitor that has not been spoken to. Starts the negotiation. Throws Error.
  // QEMU runs the guest before it reads from its monitors: events of the guest's first milliseconds
  // may be lost. A panic and a shutdown among them are found all the same (early_end.hh). Nobody
  // keeps a RESET or a WATCHDOG to be asked for; a watchdog that stops the machine shows in the
  // evidence, as status.
  explicit OwnMonitor(UniqueFd fd);

  pollfd interest() const;
  // Takes what there is; calls the listener and the answers from within, in the order in which
  // QEMU has told them. What is no QMP ends the connection; mistake() has it then.
  void handle(const pollfd& polled);
  // The same without waiting. Not from within a listener or an answer.
  void catch_up() { handle({-1, 0, POLLIN}); }

  // `answer` (may be empty) is called at most once, never after the connection has ended.
  void ask(const std::string& command, const Json& arguments, Answer answer);
  // Asks QEMU to end, once: it might not survive another command while it ends (early_end.hh).
  void quit();
  // Called for every event from now on.
  void listen(Listener listener) { m_listener = std::move(listener); }
  // Called from within handle() when QEMU has executed itself again, with its arguments of before.
  void on_restart(std::function<void()> restarted) { m_restarted = std::move(restarted); }

  // QEMU has answered a command: it has taken its arguments and its machine exists.
  bool answered() const { return m_qmp.answered(); }
  bool ended() const { return !m_fd; }
  // Why the connection was given up; empty: it was not.
  const std::string& mistake() const { return m_mistake; }

private:
  void take(std::string_view bytes);
  void deliver();
  void send();
  void end();

  UniqueFd m_fd;
  Qmp m_qmp;
  std::map<std::uint64_t, Answer> m_waiting;
  Listener m_listener;
  std::function<void()> m_restarted;
  bool m_quit_is_asked = false;
  std::string m_mistake;
};

} // namespace qt
