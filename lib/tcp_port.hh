// One attempt to connect to a TCP port without waiting. The connection is closed as soon as it
// stands: only whether it stands is asked.
#pragma once

#include "fd.hh"

#include <string>

namespace qt {

class TcpConnection {
public:
  enum class State { connecting, open, refused };

  // `where`: "HOST:PORT", an IPv6 address in brackets. Looking the host up may block for a name
  // that is neither an address nor in the hosts file. Throws Error(ExitCode::usage) if `where` is
  // not of that form.
  explicit TcpConnection(const std::string& where);

  State state() const noexcept { return m_state; }
  // Writable when go_on() may change the state.
  int fd() const noexcept { return m_fd.get(); }
  void go_on();
  // Why it was refused: "connecting to HOST:PORT: Connection refused".
  const std::string& refusal() const noexcept { return m_refusal; }

private:
  void refuse(int error);

  std::string m_where;
  UniqueFd m_fd;
  State m_state = State::connecting;
  std::string m_refusal;
};

} // namespace qt
