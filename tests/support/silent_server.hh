// A port of 127.0.0.1 whose packets are dropped: whoever connects hears nothing, not even a
// refusal. That is a listener whose queue is full.
#pragma once

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace qt::support {

class SilentServer {
public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    m_listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (m_listener < 0 || ::bind(m_listener, generic, size) < 0 || ::listen(m_listener, 0) < 0 ||
        ::getsockname(m_listener, generic, &size) < 0) {
      throw std::system_error(errno, std::generic_category(), "silent server");
    }
    m_port = ::ntohs(address.sin_port);
    for (int& waiting : m_waiting) {
      waiting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      static_cast<void>(::connect(waiting, generic, size));
    }
  }
  ~SilentServer() {
    for (const int waiting : m_waiting) {
      ::close(waiting);
    }
    ::close(m_listener);
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  int port() const { return m_port; }

private:
  int m_listener = -1;
  int m_port = 0;
  std::array<int, 3> m_waiting{};
};

} // namespace qt::support
