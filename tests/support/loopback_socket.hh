// A TCP socket on a free port of 127.0.0.1. Until somebody listens on it, connections are refused.
#pragma once

#include "os/fd.hh"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <system_error>

namespace qt::support {

class LoopbackSocket {
public:
  LoopbackSocket()
    : m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    m_address.sin_family = AF_INET;
    m_address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof m_address;
    auto* const generic = reinterpret_cast<sockaddr*>(&m_address);
    if (!m_fd || ::bind(m_fd.get(), generic, size) < 0 ||
        ::getsockname(m_fd.get(), generic, &size) < 0) {
      throw std::system_error(errno, std::generic_category(), "a socket on 127.0.0.1");
    }
  }

  int fd() const { return m_fd.get(); }
  const sockaddr_in& address() const { return m_address; }
  int port() const { return ::ntohs(m_address.sin_port); }
  // "127.0.0.1:PORT"
  std::string where() const { return "127.0.0.1:" + std::to_string(port()); }

private:
  UniqueFd m_fd;
  sockaddr_in m_address{};
};

} // namespace qt::support
