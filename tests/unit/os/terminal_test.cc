#include "os/terminal.hh"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

namespace qt {
namespace terminal_test {

TEST(EscapeKeys, PassesOrdinaryKeys) {
  EscapeKeys keys;
  EXPECT_EQ(keys.feed("ls -l\r\x03"), "ls -l\r\x03");
  EXPECT_EQ(keys.take_commands(), "");
}

TEST(EscapeKeys, QuitsAlsoIfTheCommandIsSplit) {
  EscapeKeys keys;
  EXPECT_EQ(keys.feed("a\x01"), "a");
  EXPECT_EQ(keys.take_commands(), "");
  EXPECT_EQ(keys.feed("x"), "");
  EXPECT_EQ(keys.take_commands(), "x");
}

TEST(EscapeKeys, SendsOneCtrlAForTwoAndForA) {
  EscapeKeys keys;
  EXPECT_EQ(keys.feed("\x01\x01x"), "\x01x");
  EXPECT_EQ(keys.feed("\x01"
                      "a"),
            "\x01");
  EXPECT_EQ(keys.take_commands(), "");
}

TEST(EscapeKeys, GivesEachCommandOnce) {
  EscapeKeys keys;
  EXPECT_EQ(keys.feed("\x01h\x01zb"), "b");
  EXPECT_EQ(keys.take_commands(), "hz");
  EXPECT_EQ(keys.take_commands(), "");
}

TEST(RawTerminal, IsGivenBackAsItWas) {
  int user = -1;
  int terminal = -1;
  if (::openpty(&user, &terminal, nullptr, nullptr, nullptr) != 0) {
    GTEST_SKIP() << "there are no pseudo-terminals here";
  }
  const UniqueFd closes_user(user);
  const UniqueFd closes_terminal(terminal);
  const auto mode = [terminal] {
    termios now;
    ::tcgetattr(terminal, &now);
    return now;
  };
  const tcflag_t before = mode().c_lflag;
  ASSERT_NE(before & ICANON, 0u);
  {
    const RawTerminal raw(terminal);
    EXPECT_EQ(mode().c_lflag & (ICANON | ECHO | ISIG), 0u);
    EXPECT_NE(mode().c_oflag & OPOST, 0u);
  }
  EXPECT_EQ(mode().c_lflag, before);
}

TEST(ReopenForWriting, DoesNotChangeThePipeOfOthers) {
  const FdPair pipe = make_pipe();
  const UniqueFd own = reopen_for_writing(pipe.second.get());
  EXPECT_NE(::fcntl(own.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(pipe.second.get(), F_GETFL) & O_NONBLOCK, 0);
  ASSERT_EQ(::write(own.get(), "x", 1), 1);
  char byte = 0;
  ASSERT_EQ(::read(pipe.first.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(ReopenForWriting, DuplicatesWhatCannotBeOpenedAnew) {
  const FdPair sockets = make_socket_pair();
  const UniqueFd own = reopen_for_writing(sockets.first.get());
  ASSERT_EQ(::write(own.get(), "x", 1), 1);
}

} // namespace terminal_test
} // namespace qt
