// One attempt to connect to a TCP port without waiting: only whether the connection stands is
// asked.
//
// QEMU's user network (hostfwd) accepts every connection and only then asks the guest; where that
// refuses, it closes the connection. So one that stands is held for a moment before it counts: one
// that ends within it without a byte was refused.
#pragma once

#include "base/duration.hh"
#include "os/event_loop.hh"
#include "os/fd.hh"

#include <optional>
#include <string>
#include <sys/socket.h>

namespace qt {

// Throws Error(ExitCode::usage) if `where` is not "HOST:PORT" with an address (of IPv6 in brackets)
// or localhost. Other names are refused: looking them up may block, and needs the C library's
// loader (tools/meson.build).
void check_tcp_address(const std::string& where);

class TcpConnection {
public:
  // held: it stands, and may still be closed at once. failed: nobody there has said yes or no, as
  // where the network cannot be reached.
  enum class State { connecting, held, open, refused, failed };
  struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
  };

  // `where`: as in check_tcp_address(), which it calls. `hold`: for how long a connection that
  // stands is held.
  TcpConnection(const std::string& where, Duration hold);

  State state() const noexcept { return m_state; }
  bool is_decided() const noexcept { return m_state >= State::open; }
  // go_on() may change the state when this has news, or when deadline() has passed.
  pollfd interest() const noexcept;
  Deadline deadline() const noexcept { return m_held_until; }
  void go_on();
  // One that is open is held once more.
  void hold_again() { stand(); }
  // Why it does not stand: "connecting to HOST:PORT: Connection refused".
  const std::string& refusal() const noexcept { return m_refusal; }

private:
  void connect_to(const Address& address);
  void stand();
  void look_at_held();
  void give_up(State state, const std::string& why);
  void fail_with(int error);

  std::string m_where;
  Duration m_hold;
  Deadline m_held_until = Deadline::never();
  bool m_was_refused = false;
  std::optional<Address> m_second; // tried if the first does not stand: localhost has two
  UniqueFd m_fd;
  State m_state = State::connecting;
  std::string m_refusal;
};

} // namespace qt
