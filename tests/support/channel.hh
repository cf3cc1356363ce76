// One accepted connection of a test's server, plain or under TLS; blocking. Owns the socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <string_view>

namespace qt::support {

class Channel {
public:
  // `tls` may be null. The handshake takes place with the first read().
  Channel(int fd, SSL_CTX* tls);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int fd() const { return m_fd; }
  // Appends what comes next; false at the end or on any failure.
  bool read(std::string& input);
  bool write(std::string_view bytes);
  bool send_file(int file, std::uint64_t offset, std::uint64_t size);
  // The destructor will reset the connection instead of closing it.
  void reset_on_close();

private:
  int m_fd;
  std::unique_ptr<SSL, decltype(&SSL_free)> m_tls;
};

} // namespace qt::support
