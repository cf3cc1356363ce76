#include "console/console.hh"

#include "base/text.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

namespace console_test {

using namespace qt;
using testing::ElementsAre;

class ConsoleTest : public testing::Test {
protected:
  explicit ConsoleTest(const std::vector<Pattern>& failures = {{Pattern::Kind::text, "panic"}})
    : m_console("default", m_pair.second.get(), {failures}, m_log) {
    set_nonblocking(m_pair.first.get());
  }
  void say(std::string_view bytes) {
    write_all(m_pair.first.get(), bytes, "pair");
    m_console.read();
  }
  std::string unread() { return std::string(m_console.backlog().at(m_console.backlog().begin())); }

  FdPair m_pair = make_socket_pair();
  DialogueLog m_log{""};
  Console m_console;
};

TEST_F(ConsoleTest, TakesEchoesOutAndKeepsTheRest) {
  m_console.expect_echo("ls");
  say("# l");
  say("s\r\nfile\r\n# ");
  EXPECT_EQ(unread(), "# \r\nfile\r\n# ");
  EXPECT_THAT(m_console.last_lines(20), ElementsAre("# ls", "file", "# "));
  EXPECT_THAT(m_console.last_lines(2), ElementsAre("file", "# "));
}

TEST_F(ConsoleTest, FailuresAreFoundInTheStreamNotInEchoes) {
  m_console.expect_echo("echo panic");
  say("# echo panic\r\n");
  EXPECT_FALSE(m_console.failure());
  say("pan");
  say("ic");
  ASSERT_TRUE(m_console.failure());
  EXPECT_EQ(m_console.failure()->end, 9u);
}

// Else a failure text would seem to come after a text that is awaited, or before it.
TEST_F(ConsoleTest, WhatIsBlankFailsButSatisfiesNothing) {
  say("log");
  m_console.set_blank(true);
  say("in: pan");
  EXPECT_FALSE(m_console.failure());
  m_console.set_blank(false);
  say("ic");
  EXPECT_EQ(unread(), "log" + std::string(7, '\0') + "ic");
  ASSERT_TRUE(m_console.failure());
  EXPECT_EQ(m_console.failure()->end, m_console.backlog().end());
}

TEST_F(ConsoleTest, ReadingNothingIsNotTheEnd) {
  m_console.read();
  EXPECT_FALSE(m_console.ended());
  m_console.expect_echo("held");
  say("hel");
  EXPECT_EQ(unread(), "");
  m_pair.first.reset();
  m_console.read();
  EXPECT_TRUE(m_console.ended());
  EXPECT_EQ(unread(), "hel");
  EXPECT_EQ(m_console.type("x"), std::nullopt);
}

TEST_F(ConsoleTest, TypesWhatTheOtherEndTakes) {
  const std::string much(10'000'000, 'x');
  const auto taken = m_console.type(much);
  ASSERT_TRUE(taken);
  EXPECT_GT(*taken, 0u);
  EXPECT_LT(*taken, much.size());
  while (m_console.type(much).value() > 0) {
  }
}

class SettlingConsoleTest : public ConsoleTest {
protected:
  SettlingConsoleTest()
    : ConsoleTest({{Pattern::Kind::regex, "BUG: \\d+"}}) {}
};

TEST_F(SettlingConsoleTest, AnExpressionAtTheEndSettles) {
  say("BUG: 1");
  say("2");
  EXPECT_FALSE(m_console.failure());
  EXPECT_TRUE(m_console.undecided());
  m_console.settle();
  EXPECT_EQ(m_console.failure()->text, "BUG: 12");
  EXPECT_FALSE(m_console.undecided());
}

TEST(BacklogTest, KeepsEverythingInOrder) {
  std::mt19937 random(3);
  Backlog backlog;
  std::string all;
  std::uint64_t kept = 0;
  for (int round = 0; round < 400; ++round) {
    const std::string bytes(random() % 60'000, static_cast<char>('a' + round % 26));
    backlog.append(bytes);
    all += bytes;
    ASSERT_EQ(backlog.end(), all.size());
    // Reads from several places, forgets now and then.
    for (std::uint64_t offset = kept; offset < backlog.end();) {
      const std::string_view piece = backlog.at(offset);
      ASSERT_FALSE(piece.empty());
      ASSERT_EQ(piece, std::string_view(all).substr(offset, piece.size()));
      offset += piece.size() + random() % 500'000;
    }
    if (random() % 40 == 0) {
      kept += random() % (all.size() - kept + 1);
      backlog.discard_before(kept);
      ASSERT_EQ(backlog.begin(), kept);
    }
  }
  EXPECT_EQ(backlog.at(backlog.end()), "");
}

TEST(DialogueLogTest, HasOneLineForEachThing) {
  const TempDir folder("dialogue-log-");
  const std::string path = folder.path() + "/dialogue.log";
  DialogueLog log(path);
  log.console("a", "one\r\ntw");
  log.console("b", "\x1b[1m\n");
  log.console("a", "o");
  log.typed("a", "x\r");
  log.console("a", "\n");
  log.matched("a", "tw");
  log.note("step 1");
  log.console("a", "rest");
  log.flush(DialogueLog::Lines::end_all);
  std::string text;
  for (const std::string& line : last_lines(read_file(path), 100)) {
    text += line.substr(11) + "\n";
  }
  EXPECT_EQ(text, "a < one\nb < \\e[1m\na < two\na > x\\r\na < \na = tw\n# step 1\na < rest\n");
}

// Whole lines, parts of lines, lines that are too long and empty ones, cut anywhere by the reads.
TEST(DialogueLogTest, IsTheSameHoweverTheConsoleIsCut) {
  const TempDir folder("dialogue-log-");
  const std::string path = folder.path() + "/dialogue.log";
  std::string stream;
  for (const std::size_t size : {0, 1, 7, 8, 9, 80, 4094, 4095, 4096, 4097, 8191, 8192, 9000}) {
    for (const char* const end : {"\n", "\r\n", "\r\r\n"}) {
      stream += std::string(size, 'x') + end;
    }
  }
  const auto logged = [&](std::size_t piece) {
    DialogueLog log(path);
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      log.console("a", std::string_view(stream).substr(at, piece));
    }
    log.flush(DialogueLog::Lines::end_all);
    std::string text;
    for (const std::string& line : split(read_file(path), '\n')) {
      text += line.size() > 11 ? line.substr(11) + "\n" : line;
    }
    return text;
  };
  const std::string whole = logged(stream.size());
  EXPECT_TRUE(whole.starts_with("a < \na < \na < \\r\na < x\na < x\n")) << whole.substr(0, 100);
  for (const std::size_t piece : {1, 2, 3, 1000, 4095, 4096, 4097, 10000}) {
    EXPECT_EQ(logged(piece), whole) << "cut into pieces of " << piece;
  }
}

} // namespace console_test
