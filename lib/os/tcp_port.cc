#include "os/tcp_port.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <utility>

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

} // namespace

TcpConnection::TcpConnection(const std::string& where)
  : m_where(where) {
  const std::size_t colon = where.rfind(':');
  std::string host = where.substr(0, colon);
  const std::string digits = colon == std::string::npos ? "" : where.substr(colon + 1);
  const std::int64_t port = parse_integer(digits).value_or(0);
  if (host.empty() || port < 1 || port > 65535) {
    throw Error(format("'{}' is not HOST:PORT", where), ExitCode::usage);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  if (host == "localhost") {
    host = "127.0.0.1";
    m_second = address_of("::1", static_cast<std::uint16_t>(port));
  }
  const std::optional<Address> first = address_of(host, static_cast<std::uint16_t>(port));
  if (!first) {
    throw Error(
        format("connecting to {}: expected an IP address or localhost, not '{}'", where, host),
        ExitCode::usage);
  }
  connect_to(*first);
}

void TcpConnection::connect_to(const Address& address) {
  m_state = State::connecting;
  m_fd =
      UniqueFd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (m_fd && ::connect(m_fd.get(), reinterpret_cast<const sockaddr*>(&address.storage),
                        address.size) == 0) {
    m_state = State::open;
  } else if (!m_fd || errno != EINPROGRESS) {
    refuse(errno);
  }
}

void TcpConnection::go_on() {
  pollfd entry = {m_fd.get(), POLLOUT, 0};
  if (m_state != State::connecting || ::poll(&entry, 1, 0) <= 0) {
    return;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(m_fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    refuse(error);
  } else {
    m_state = State::open;
  }
}

void TcpConnection::refuse(int error) {
  m_state = State::refused;
  m_refusal = format("connecting to {}: {}", m_where, std::strerror(error));
  if (const auto second = std::exchange(m_second, std::nullopt)) {
    connect_to(*second);
  }
}

} // namespace qt
