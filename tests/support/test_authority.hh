// A certificate authority that lives as long as a test: made on the spot, so that no key has to be
// kept anywhere. It has signed one certificate, for 127.0.0.1 and localhost.
#pragma once

#include <memory>
#include <openssl/ssl.h>
#include <string>

namespace qt::support {

class TestAuthority {
public:
  // Throws std::runtime_error.
  TestAuthority();

  // The authority's certificate as PEM: what a client has to trust.
  const std::string& certificate() const { return m_certificate; }
  // For servers; lives as long as this object.
  SSL_CTX* server() const { return m_server.get(); }

private:
  std::string m_certificate;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> m_server;
};

} // namespace qt::support
