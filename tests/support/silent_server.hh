// A port of 127.0.0.1 whose packets are dropped: whoever connects hears nothing, not even a
// refusal. That is a listener whose queue is full.
#pragma once

#include "loopback_socket.hh"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace qt::support {

class SilentServer {
public:
  SilentServer() {
    if (::listen(m_listener.fd(), 0) < 0) {
      throw std::system_error(errno, std::generic_category(), "silent server");
    }
    const sockaddr_in address = m_listener.address();
    for (int& waiting : m_waiting) {
      waiting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      static_cast<void>(
          ::connect(waiting, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    }
  }
  ~SilentServer() {
    for (const int waiting : m_waiting) {
      ::close(waiting);
    }
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  int port() const { return m_listener.port(); }

private:
  LoopbackSocket m_listener;
  std::array<int, 3> m_waiting{};
};

} // namespace qt::support
