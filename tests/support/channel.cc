#include "channel.hh"

#include <algorithm>
#include <array>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace qt::support {

Channel::Channel(int fd, SSL_CTX* tls)
  : m_fd(fd)
  , m_tls(tls != nullptr ? SSL_new(tls) : nullptr, SSL_free) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (m_tls) {
    SSL_set_fd(m_tls.get(), fd);
    SSL_set_accept_state(m_tls.get());
  }
}

Channel::~Channel() { ::close(m_fd); }

bool Channel::read(std::string& input) {
  std::array<char, 4096> buffer;
  const auto count = m_tls ? SSL_read(m_tls.get(), buffer.data(), int(buffer.size()))
                           : ::recv(m_fd, buffer.data(), buffer.size(), 0);
  if (count <= 0) {
    return false;
  }
  input.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

bool Channel::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), 1 << 20);
    const auto count = m_tls ? SSL_write(m_tls.get(), bytes.data(), int(size))
                             : ::send(m_fd, bytes.data(), size, MSG_NOSIGNAL);
    if (count <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool Channel::send_file(int file, std::uint64_t offset, std::uint64_t size) {
  std::vector<char> buffer(m_tls ? 1 << 18 : 0);
  auto at = static_cast<off_t>(offset);
  const auto end = static_cast<off_t>(offset + size);
  while (at < end) {
    const auto left = static_cast<std::size_t>(end - at);
    if (!m_tls) {
      if (::sendfile(m_fd, file, &at, left) <= 0) {
        return false;
      }
      continue;
    }
    const ssize_t count = ::pread(file, buffer.data(), std::min(left, buffer.size()), at);
    if (count <= 0 || !write({buffer.data(), static_cast<std::size_t>(count)})) {
      return false;
    }
    at += count;
  }
  return true;
}

void Channel::reset_on_close() {
  const linger now{1, 0};
  ::setsockopt(m_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

} // namespace qt::support
