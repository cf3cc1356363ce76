#include "os/tcp_port.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/event_loop.hh"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <utility>
#include <vector>

namespace qt {

namespace {

using Address = TcpConnection::Address;

// Of an IPv4 or IPv6 address as people write it; nothing if it is neither.
std::optional<Address> address_of(const std::string& host, std::uint16_t port) {
  Address address;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
  } else {
    return std::nullopt;
  }
  return address;
}

// One, or two for localhost.
std::vector<Address> addresses_of(const std::string& where) {
  const std::size_t colon = where.rfind(':');
  std::string host = where.substr(0, colon);
  const std::string digits = colon == std::string::npos ? "" : where.substr(colon + 1);
  const std::int64_t number = parse_integer(digits).value_or(0);
  if (host.empty() || number < 1 || number > 65535) {
    throw Error(format("'{}' is not HOST:PORT", where), ExitCode::usage);
  }
  const auto port = static_cast<std::uint16_t>(number);
  if (host == "localhost") {
    return {*address_of("127.0.0.1", port), *address_of("::1", port)};
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const std::optional<Address> address = address_of(host, port);
  if (!address) {
    throw Error(
        format("connecting to {}: expected an IP address or localhost, not '{}'", where, host),
        ExitCode::usage);
  }
  return {*address};
}

} // namespace

void check_tcp_address(const std::string& where) { (void)addresses_of(where); }

TcpConnection::TcpConnection(const std::string& where, Duration hold)
  : m_where(where)
  , m_hold(hold) {
  const std::vector<Address> addresses = addresses_of(where);
  if (addresses.size() > 1) {
    m_second = addresses[1];
  }
  connect_to(addresses[0]);
}

void TcpConnection::connect_to(const Address& address) {
  m_state = State::connecting;
  m_held_until = Deadline::never();
  m_fd =
      UniqueFd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (m_fd && ::connect(m_fd.get(), reinterpret_cast<const sockaddr*>(&address.storage),
                        address.size) == 0) {
    stand();
  } else if (!m_fd || errno != EINPROGRESS) {
    fail_with(errno);
  }
}

void TcpConnection::stand() {
  m_state = State::held;
  m_held_until = Deadline::after(m_hold);
}

pollfd TcpConnection::interest() const noexcept {
  return {m_fd.get(), static_cast<short>(m_state == State::connecting ? POLLOUT : POLLIN), 0};
}

void TcpConnection::go_on() {
  if (m_state == State::held) {
    look_at_held();
  } else if (m_state == State::connecting && look_at(m_fd.get(), POLLOUT) != 0) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(m_fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    error != 0 ? fail_with(error) : stand();
  }
}

void TcpConnection::look_at_held() {
  char byte = 0;
  const ssize_t count = ::recv(m_fd.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0) { // somebody talks
    m_state = State::open;
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    give_up(State::refused, "accepted and closed at once, without a byte");
  } else if (m_held_until.expired()) {
    m_state = State::open;
  }
}

void TcpConnection::fail_with(int error) {
  give_up(error == ECONNREFUSED || error == ECONNRESET ? State::refused : State::failed,
          std::strerror(error));
}

// Of two addresses one that has refused decides: the host may not have the other.
void TcpConnection::give_up(State state, const std::string& why) {
  if (!m_was_refused) {
    m_refusal = format("connecting to {}: {}", m_where, why);
  }
  m_was_refused = m_was_refused || state == State::refused;
  m_state = m_was_refused ? State::refused : State::failed;
  if (const auto second = std::exchange(m_second, std::nullopt)) {
    connect_to(*second);
  }
}

} // namespace qt
