#include "os/fd.hh"

#include "base/error.hh"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>

namespace fd_test {

using namespace qt;

TEST(Fd, MovesItsOwnership) {
  UniqueFd first = open_file("/dev/null", O_RDONLY);
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_EQ(second.get(), number);
  EXPECT_FALSE(first);
  EXPECT_NE(::fcntl(number, F_GETFD), -1);
  second.reset();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(Fd, SaysWhatItCouldNotOpen) {
  try {
    open_file("/nonexistent/x", O_RDONLY);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "opening /nonexistent/x: No such file or directory");
  }
}

TEST(Fd, TellsTheOutcomesOfReadingApart) {
  FdPair pair = make_socket_pair();
  set_nonblocking(pair.first.get());
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(read_some(pair.first.get(), buffer).result, IoResult::would_block);
  write_all(pair.second.get(), "abc", "socket");
  EXPECT_EQ(read_some(pair.first.get(), buffer).count, 3u);
  pair.second.reset();
  EXPECT_EQ(read_some(pair.first.get(), buffer).result, IoResult::ended);
}

TEST(Fd, ResetByThePeerIsTheEnd) {
  FdPair pair = make_socket_pair();
  write_all(pair.first.get(), "unread", "socket");
  pair.second.reset(); // unread data: the other side gets ECONNRESET
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(read_some(pair.first.get(), buffer).result, IoResult::ended);
}

TEST(Fd, WritingWithoutAReaderIsTheEnd) {
  std::signal(SIGPIPE, SIG_IGN);
  FdPair pipe = make_pipe();
  pipe.first.reset();
  EXPECT_EQ(write_some(pipe.second.get(), bytes_of("x")).result, IoResult::ended);
  EXPECT_THROW(write_all(pipe.second.get(), "x", "pipe"), Error);
}

} // namespace fd_test
