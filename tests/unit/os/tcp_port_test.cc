#include "os/tcp_port.hh"

#include "base/error.hh"
#include "os/fd.hh"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

namespace tcp_port_test {

using namespace qt;
using testing::HasSubstr;

// Listens on a free port of an address; port 0 if the host does not have the address.
struct Listener {
  explicit Listener(const std::string& host) {
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    const bool is_v4 = ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1;
    ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr);
    auto* const address =
        is_v4 ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
    socklen_t size = is_v4 ? sizeof v4 : sizeof v6;
    socket = UniqueFd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket && ::bind(socket.get(), address, size) == 0 && ::listen(socket.get(), 4) == 0 &&
        ::getsockname(socket.get(), address, &size) == 0) {
      port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
    }
  }

  UniqueFd socket;
  int port = 0;
};

constexpr Duration k_hold{50};

TcpConnection::State state_of(const std::string& where) {
  TcpConnection connection(where, k_hold);
  while (!connection.is_decided()) {
    connection.go_on();
  }
  return connection.state();
}

std::string mistake_of(const std::string& where) {
  try {
    TcpConnection connection(where, k_hold);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "none";
}

TEST(TcpPortTest, ConnectsToAddressesAndLocalhost) {
  const Listener v4("127.0.0.1");
  EXPECT_EQ(state_of(format("127.0.0.1:{}", v4.port)), TcpConnection::State::open);
  EXPECT_EQ(state_of(format("localhost:{}", v4.port)), TcpConnection::State::open);
  const Listener v6("::1");
  if (v6.port == 0) {
    GTEST_SKIP() << "this host has no ::1";
  }
  EXPECT_EQ(state_of(format("[::1]:{}", v6.port)), TcpConnection::State::open);
  EXPECT_EQ(state_of(format("localhost:{}", v6.port)), TcpConnection::State::open);
}

TEST(TcpPortTest, SaysWhyItWasRefused) {
  int port = 0;
  {
    const Listener closed("127.0.0.1");
    port = closed.port;
  }
  TcpConnection connection(format("127.0.0.1:{}", port), k_hold);
  while (!connection.is_decided()) {
    connection.go_on();
  }
  EXPECT_EQ(connection.state(), TcpConnection::State::refused);
  EXPECT_EQ(connection.refusal(), format("connecting to 127.0.0.1:{}: Connection refused", port));
}

TEST(TcpPortTest, RefusesWhatIsNoAddress) {
  for (const char* const where :
       {"127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:http", ""}) {
    EXPECT_THAT(mistake_of(where), HasSubstr("is not HOST:PORT")) << where;
  }
  EXPECT_EQ(mistake_of("guest.example:80"),
            "connecting to guest.example:80: expected an IP address "
            "or localhost, not 'guest.example'");
}

} // namespace tcp_port_test
