// qt-boot's own connection to QEMU's monitor (QMP, one JSON object a line): enough to know that
// QEMU has come up, to ask a few questions, to hear events and to end it in order. The dialogue of
// a test has a connection of its own and is none of this module's business.
//
// Passive: the owner polls interest() and hands the result over. Nothing here blocks.
#pragma once

#include "fd.hh"
#include "json.hh"

#include <functional>
#include <map>
#include <poll.h>
#include <string>
#include <string_view>

namespace qt {

class OwnMonitor {
public:
  using Answer = std::function<void(const Json& reply)>; // has "return" or "error"
  using Listener = std::function<void(const Json& event)>;

  // `fd`: our end of a monitor that has not been spoken to. Starts the negotiation. Throws Error.
  explicit OwnMonitor(UniqueFd fd);

  pollfd interest() const;
  // Takes what there is; calls the answers and the listener from within.
  void handle(const pollfd& polled);

  // `answer` (may be empty) is called at most once, never after the connection has ended.
  void ask(std::string_view command, const Json& arguments, Answer answer);
  // Called for every event from now on.
  void listen(Listener listener) { m_listener = std::move(listener); }

  // QEMU has answered a command: it has taken its arguments and its machine exists.
  bool answered() const { return m_answered; }
  bool ended() const { return !m_fd; }

private:
  void take_line(std::string_view line);
  void send();

  UniqueFd m_fd;
  std::string m_out;
  std::string m_in; // a line's beginning
  std::map<int, Answer> m_waiting;
  int m_last_id = 0;
  bool m_answered = false;
  Listener m_listener;
};

} // namespace qt
