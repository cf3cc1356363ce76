// One attempt to connect to a TCP port without waiting. The connection is closed as soon as it
// stands: only whether it stands is asked.
#pragma once

#include "os/fd.hh"

#include <optional>
#include <string>
#include <sys/socket.h>

namespace qt {

class TcpConnection {
public:
  enum class State { connecting, open, refused };
  struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
  };

  // `where`: "HOST:PORT" with an address (of IPv6 in brackets) or localhost. Other names are
  // refused: looking them up may block, and needs the C library's loader (tools/meson.build).
  // Throws Error(ExitCode::usage) if `where` is not of that form.
  explicit TcpConnection(const std::string& where);

  State state() const noexcept { return m_state; }
  // Writable when go_on() may change the state.
  int fd() const noexcept { return m_fd.get(); }
  void go_on();
  // Why it was refused: "connecting to HOST:PORT: Connection refused".
  const std::string& refusal() const noexcept { return m_refusal; }

private:
  void connect_to(const Address& address);
  void refuse(int error);

  std::string m_where;
  std::optional<Address> m_second; // tried if the first refuses: localhost has two
  UniqueFd m_fd;
  State m_state = State::connecting;
  std::string m_refusal;
};

} // namespace qt
