#include "tap/reservation.hh"

#include "base/error.hh"
#include "os/fd.hh"
#include "os/file.hh"

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace qt {
namespace reservation_test {

enum class Reuse { no, yes };
enum class Protocol { tcp, udp };

// A socket that another program would have on the port; nothing if it is refused.
UniqueFd bind_beside(int port, in_addr_t where, Reuse reuse, Protocol protocol = Protocol::tcp) {
  const int type = protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM;
  UniqueFd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const int on = reuse == Reuse::yes ? 1 : 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(where);
  const bool bound =
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      (protocol == Protocol::udp || ::listen(socket.get(), 1) == 0);
  return bound ? std::move(socket) : UniqueFd();
}

TEST(Reservation, APortBelongsToOneNameInOneObject) {
  Reservation one;
  Reservation other;
  const int port = one.port("a");
  EXPECT_EQ(one.port("a"), port);
  EXPECT_NE(one.port("b"), port);
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(other.port(std::to_string(i)), port);
  }
  EXPECT_GE(port, 61000);
}

TEST(Reservation, AnotherProgramIsRefusedAndQemuIsNot) {
  std::optional<Reservation> reservation(std::in_place);
  const int port = reservation->port("a");
  for (const in_addr_t where : {INADDR_ANY, INADDR_LOOPBACK}) {
    EXPECT_FALSE(bind_beside(port, where, Reuse::no));
    EXPECT_TRUE(bind_beside(port, where, Reuse::yes)) << "as QEMU does it";
  }
  reservation.reset();
  EXPECT_TRUE(bind_beside(port, INADDR_ANY, Reuse::no)) << "free again";
}

// Foreign servers have every ninth number.
TEST(Reservation, APortIsFreeForUdpToo) {
  constexpr int k_taken = 500;
  std::vector<UniqueFd> servers;
  std::vector<bool> taken(65536);
  for (int i = 0; i < k_taken; ++i) {
    const int port = 61000 + i * 9;
    UniqueFd server = bind_beside(port, INADDR_LOOPBACK, Reuse::no, Protocol::udp);
    taken.at(static_cast<std::size_t>(port)) = server.get() >= 0;
    servers.push_back(std::move(server));
  }
  Reservation reservation;
  for (int i = 0; i < 100; ++i) {
    const int port = reservation.port(std::to_string(i));
    EXPECT_FALSE(taken.at(static_cast<std::size_t>(port))) << port;
    for (const in_addr_t where : {INADDR_ANY, INADDR_LOOPBACK}) {
      EXPECT_TRUE(bind_beside(port, where, Reuse::no, Protocol::udp)) << "as libslirp does it";
    }
  }
}

// Many processes that take and leave ports at the same time; each says what it had and when it
// found that it shared one.
TEST(Reservation, ProcessesNeverShareAPort) {
  const char* const wanted = std::getenv("QEMU_TEST_PORT_ROUNDS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : 20;
  const TempDir folder("ports");
  std::vector<pid_t> children;
  for (int child = 0; child < 8; ++child) {
    children.push_back(::fork());
    ASSERT_GE(children.back(), 0);
    if (children.back() > 0) {
      continue;
    }
    int shared = 0;
    for (int i = 0; i < rounds; ++i) {
      Reservation reservation;
      for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
        const std::string mark = format("{}/{}", folder.path(), reservation.port(name));
        shared += ::mkdir(mark.c_str(), 0700) < 0 ? 1 : 0; // it is there: someone has the port
      }
      for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
        ::rmdir(format("{}/{}", folder.path(), reservation.port(name)).c_str());
      }
    }
    ::_exit(shared == 0 ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

TEST(Reservation, ADeadHolderHasNothing) {
  FdPair pipe = make_pipe();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Reservation reservation;
    const int port = reservation.port("a");
    (void)!::write(pipe.second.get(), &port, sizeof port);
    ::pause();
  }
  int port = 0;
  ASSERT_EQ(::read(pipe.first.get(), &port, sizeof port), ssize_t{sizeof port});
  EXPECT_FALSE(bind_beside(port, INADDR_ANY, Reuse::no));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(bind_beside(port, INADDR_ANY, Reuse::no));
}

TEST(Reservation, AFolderForSocketsHasAShortName) {
  const TempDir place("sockets");
  Reservation reservation;
  EXPECT_EQ(reservation.socket_folder(place.path()), place.path());
  const std::string folder = place.path() + "/" + std::string(200, 'x');
  const std::string name = reservation.socket_folder(folder);
  EXPECT_LT(name.size(), 40U);
  make_directories(folder);
  reservation.open_socket_folder(folder);
  EXPECT_EQ(reservation.socket_folder(folder), name);
  write_file(name + "/left", "x");
  EXPECT_TRUE(exists(folder + "/left"));
}

TEST(Reservation, TheEndsOfAPairAreConnected) {
  Reservation reservation;
  const int a = reservation.descriptor("link.a");
  const int b = reservation.descriptor("link.b");
  EXPECT_EQ(reservation.descriptor("link.a"), a);
  write_all(a, "x", "a");
  char letter = 0;
  EXPECT_EQ(::recv(b, &letter, 1, MSG_DONTWAIT), 1);
  EXPECT_EQ(letter, 'x');
  EXPECT_EQ(reservation.descriptors().size(), 2U);
  EXPECT_THROW(reservation.descriptor("link"), Error);
  EXPECT_THROW(reservation.descriptor(".a"), Error);
}

} // namespace reservation_test
} // namespace qt
