#include "boot/relay.hh"

#include "os/file.hh"

#include <algorithm>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace qt {
namespace relay_test {

std::string read_available(int fd) {
  std::string text;
  std::array<char, 65536> buffer;
  for (ssize_t count; (count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

std::string numbered_lines(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) {
    text += std::to_string(i) + "\n";
  }
  return text;
}

// A relay between two socket pairs whose other ends the test plays.
class Relay : public testing::Test {
protected:
  Relay() { start(k_log_limit); }

  void start(std::uint64_t log_limit) {
    FdPair machine = make_socket_pair();
    FdPair reader = make_socket_pair();
    m_qemu = std::move(machine.second);
    m_program = std::move(reader.second);
    set_nonblocking(m_qemu.get());
    set_nonblocking(m_program.get());
    set_nonblocking(reader.first.get());
    m_relay.emplace(std::move(machine.first), UniqueFd(), log(), log_limit);
    UniqueFd keys(::fcntl(reader.first.get(), F_DUPFD_CLOEXEC, 3));
    m_relay->connect(std::move(reader.first), std::move(keys));
    m_relay->register_with(m_loop);
  }

  std::string log() const { return m_folder.path() + "/console.log"; }

  // False if there was nothing to do.
  bool turn() { return m_loop.turn(Deadline::after(Duration::zero())).news > 0; }
  // Until nothing is left to do. Fails if that never happens: a busy loop.
  void turn_until_idle() {
    for (int i = 0; i < 100000; ++i) {
      if (!turn()) {
        return;
      }
    }
    FAIL() << "the relay spins";
  }
  // Writes all of it from QEMU's side, turning the relay in between.
  void print(std::string_view text) {
    while (!text.empty()) {
      const IoCount sent = write_some(m_qemu.get(), bytes_of(text));
      ASSERT_NE(sent.result, IoResult::ended);
      text.remove_prefix(sent.count);
      turn_until_idle();
    }
  }

  EventLoop m_loop;
  TempDir m_folder{"relay-"};
  UniqueFd m_qemu;
  UniqueFd m_program;
  std::optional<ConsoleRelay> m_relay;
};

TEST_F(Relay, PassesBytesOnAtOnceAndLogsThem) {
  const std::string bytes("a\0\xff\r\n", 5);
  print(bytes);
  EXPECT_EQ(read_available(m_program.get()), bytes);
  EXPECT_EQ(read_file(log()), bytes);
  EXPECT_EQ(m_relay->received(), bytes.size());
  EXPECT_TRUE(m_relay->all_forwarded());
}

TEST_F(Relay, DrainsQemuForAReaderThatDoesNotReadAndLosesNothing) {
  const std::string text = numbered_lines(8 << 20);
  print(text);
  EXPECT_EQ(m_relay->received(), text.size());
  EXPECT_FALSE(m_relay->all_forwarded());
  EXPECT_EQ(read_file(log()), text);
  std::string seen;
  while (seen.size() < text.size()) {
    const std::string more = read_available(m_program.get());
    seen += more;
    ASSERT_TRUE(turn() || !more.empty()) << "stuck after " << seen.size() << " bytes";
  }
  EXPECT_EQ(seen, text);
  EXPECT_TRUE(m_relay->all_forwarded());
}

TEST_F(Relay, KeepsTheOrderWhileTheReaderCatchesUp) {
  print(numbered_lines(1 << 20));
  std::string seen = read_available(m_program.get());
  print("fresh\n");
  turn_until_idle();
  for (std::string more; !(more = read_available(m_program.get())).empty();) {
    seen += more;
    turn_until_idle();
  }
  EXPECT_EQ(seen, numbered_lines(1 << 20) + "fresh\n");
}

// The log is the reader's buffer: what it still lacks is not given up for what comes.
TEST_F(Relay, TakesNoMoreThanTheLogKeepsForAReaderThatIsBehind) {
  constexpr std::uint64_t k_limit = 1 << 20;
  start(k_limit);
  const std::string text = numbered_lines(4 * k_limit);
  std::string got;
  std::string_view rest = text;
  while (got.size() < text.size()) {
    const IoCount sent = write_some(m_qemu.get(), bytes_of(rest));
    rest.remove_prefix(sent.count);
    turn_until_idle();
    if (sent.result == IoResult::would_block || rest.empty()) { // QEMU has to wait: read a little
      EXPECT_LE(m_relay->received() - m_relay->forwarded(), k_limit);
      const std::string part = read_available(m_program.get());
      ASSERT_FALSE(part.empty()) << "nobody moves any more";
      got += part;
    }
  }
  EXPECT_EQ(got, text);
  m_relay->drain();
  m_relay->close_reader();
  m_relay->finish_log();
  const std::string log_text = read_file(log());
  EXPECT_LT(log_text.size(), k_limit + 200);
  EXPECT_TRUE(log_text.starts_with(text.substr(0, k_limit / 2)));
  EXPECT_TRUE(log_text.ends_with(text.substr(text.size() - k_limit / 4)));
  EXPECT_NE(log_text.find("are left out here"), std::string::npos);
}

TEST_F(Relay, GivesAReaderThatIsBehindTheRestAfterTheMachinesEnd) {
  constexpr std::uint64_t k_limit = 1 << 20;
  start(k_limit);
  const std::string text = numbered_lines(2 * k_limit);
  std::string_view rest = text;
  for (IoCount sent{IoResult::done, 0}; sent.result == IoResult::done && !rest.empty();) {
    sent = write_some(m_qemu.get(), bytes_of(rest));
    rest.remove_prefix(sent.count);
    turn_until_idle();
  }
  ASSERT_FALSE(rest.empty()) << "the relay has taken everything";
  m_qemu.reset();
  m_relay->drain();
  EXPECT_FALSE(m_relay->all_forwarded());
  std::string got;
  for (std::string part; turn_until_idle(), !(part = read_available(m_program.get())).empty();) {
    got += part;
  }
  EXPECT_EQ(got.size(), text.size() - rest.size());
  EXPECT_EQ(got, text.substr(0, got.size()));
  EXPECT_TRUE(m_relay->all_forwarded());
  EXPECT_TRUE(m_relay->machine_ended());
}

TEST_F(Relay, WaitsWithKeysWhileQemuTakesNoneAndLosesNone) {
  const std::string keys = numbered_lines(4 << 20);
  std::string_view left = keys;
  while (!left.empty()) {
    const IoCount sent = write_some(m_program.get(), bytes_of(left));
    left.remove_prefix(sent.count);
    turn_until_idle();
    if (sent.result == IoResult::would_block) {
      break;
    }
  }
  EXPECT_FALSE(left.empty()) << "the program was not held back";
  std::string seen;
  while (seen.size() < keys.size()) {
    seen += read_available(m_qemu.get());
    turn_until_idle();
    left.remove_prefix(write_some(m_program.get(), bytes_of(left)).count);
    turn_until_idle();
  }
  EXPECT_EQ(seen, keys);
}

TEST_F(Relay, SurvivesAReaderThatGoesAway) {
  print("one\n");
  m_program.reset();
  turn_until_idle();
  EXPECT_TRUE(m_relay->reader_gone());
  print("two\n");
  EXPECT_EQ(read_file(log()), "one\ntwo\n");
  EXPECT_TRUE(m_relay->all_forwarded());
}

TEST_F(Relay, DeliversKeysOfAReaderThatHasGoneSince) {
  ASSERT_EQ(::write(m_program.get(), "poweroff\r", 9), 9);
  m_program.reset();
  turn_until_idle();
  EXPECT_EQ(read_available(m_qemu.get()), "poweroff\r");
}

TEST_F(Relay, PassesOnTheEndOfTheConsoleAfterItsLastByte) {
  print(numbered_lines(1 << 20));
  ASSERT_EQ(::write(m_qemu.get(), "last", 4), 4);
  m_qemu.reset();
  m_relay->drain();
  EXPECT_TRUE(m_relay->machine_ended());
  std::string seen;
  while (!m_relay->all_forwarded()) {
    turn_until_idle();
    seen += read_available(m_program.get());
  }
  m_relay->close_reader();
  seen += read_available(m_program.get());
  EXPECT_EQ(seen, numbered_lines(1 << 20) + "last");
  char byte;
  EXPECT_EQ(::recv(m_program.get(), &byte, 1, MSG_DONTWAIT), 0) << "no end of file";
}

TEST_F(Relay, EndsCleanlyForAReaderWhoseKeysNobodyTook) {
  ASSERT_EQ(::write(m_program.get(), "typed too late", 14), 14);
  m_qemu.reset();
  m_relay->drain();
  m_relay->close_reader();
  char byte;
  EXPECT_EQ(::recv(m_program.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(Relay, DoesNotSpinWhenEverythingHasGone) {
  m_qemu.reset();
  m_program.reset();
  turn_until_idle();
}

TEST_F(Relay, GivesTheFilterEveryKey) {
  m_relay->filter_keys([](std::string_view keys) {
    std::string upper(keys);
    std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
    return upper;
  });
  ASSERT_EQ(::write(m_program.get(), "abc", 3), 3);
  turn_until_idle();
  EXPECT_EQ(read_available(m_qemu.get()), "ABC");
}

TEST_F(Relay, NeverBlocksOnAReaderWhoseDescriptorBlocks) {
  FdPair pipe = make_pipe();
  m_relay->connect(std::move(pipe.second), UniqueFd());
  const std::string text = numbered_lines(1 << 20);
  print(text); // would hang here
  EXPECT_FALSE(m_relay->all_forwarded());
  set_nonblocking(pipe.first.get());
  std::string seen;
  std::array<std::byte, 65536> buffer;
  while (seen.size() < text.size()) {
    seen += text_of(std::span(buffer).first(read_some(pipe.first.get(), buffer).count));
    turn();
  }
  EXPECT_EQ(seen, text);
}

} // namespace relay_test
} // namespace qt
