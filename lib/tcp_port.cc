#include "tcp_port.hh"

#include "error.hh"

#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

namespace qt {

TcpConnection::TcpConnection(const std::string& where)
  : m_where(where) {
  const std::size_t colon = where.rfind(':');
  std::string host = where.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  if (colon == std::string::npos || host.empty() || colon + 1 == where.size()) {
    throw Error(format("'{}' is not HOST:PORT", where), ExitCode::usage);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), where.c_str() + colon + 1, &hints, &found);
  if (failure != 0) {
    throw Error(format("looking up '{}': {}", where, ::gai_strerror(failure)), ExitCode::usage);
  }
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    m_state = State::connecting;
    m_fd = UniqueFd(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (m_fd && ::connect(m_fd.get(), address->ai_addr, address->ai_addrlen) == 0) {
      m_state = State::open;
      break;
    }
    if (m_fd && errno == EINPROGRESS) {
      break;
    }
    refuse(errno);
  }
  ::freeaddrinfo(found);
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
}

} // namespace qt
