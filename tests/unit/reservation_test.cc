#include "reservation.hh"

#include "error.hh"
#include "fd.hh"
#include "file.hh"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace qt {
namespace {

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

TEST(Reservation, TheFolderForSocketsIsShortAndGoesAway) {
  std::string folder;
  {
    Reservation reservation;
    folder = reservation.socket_folder();
    EXPECT_EQ(reservation.socket_folder(), folder);
    EXPECT_LT(folder.size(), 40U);
    write_file(folder + "/left", "x");
  }
  EXPECT_FALSE(exists(folder));
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

} // namespace
} // namespace qt
