#include "console/echo_return.hh"

#include "console/echo.hh"

#include <cstdlib>
#include <gtest/gtest.h>
#include <random>

namespace echo_return_test {

using namespace qt;
using Answer = EchoReturn::Answer;

// What a console does with bytes and with lines that are typed.
class Stream {
public:
  void type(std::string_view line) {
    m_return.expect(m_filter.expect(line), line, m_passed.size());
  }
  void send(std::string_view keys) { m_return.expect_keys(keys, m_passed.size()); }
  void say(std::string_view bytes) {
    m_filter.feed(bytes, [this](std::string_view passed) {
      m_return.feed(passed, m_passed.size());
      m_passed += passed;
    });
  }
  const std::string& passed() const { return m_passed; }
  // Of the first place where the text stands at `from` or later; one that is not there counts for
  // nothing.
  Answer judge(std::string_view text, std::size_t from = 0) const {
    const std::size_t at = m_passed.find(text, from);
    return at == std::string::npos ? Answer::is_echo : answer_at(at, text);
  }
  // Whether the text counts anywhere.
  bool counts(std::string_view text) const {
    for (std::size_t at = m_passed.find(text); at != std::string::npos;
         at = m_passed.find(text, at + 1)) {
      if (answer_at(at, text) == Answer::counts) {
        return true;
      }
    }
    return false;
  }
  EchoReturn& echo_return() { return m_return; }

private:
  Answer answer_at(std::size_t at, std::string_view text) const {
    const std::size_t end = at + text.size();
    return m_return.judge({0, at, end, end, std::string(text), {}}).answer;
  }

  EchoReturn m_return;
  EchoFilter m_filter{
      [this](std::uint64_t line, std::uint64_t passed) { m_return.taken_out(line, passed); }};
  std::string m_passed;
};

TEST(EchoReturnTest, APieceOfATornEchoNeverCounts) {
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    Stream stream;
    stream.say("# ");
    stream.type("false && echo TEST-PASSED");
    const std::string echo = "false && echo TEStick\r\nT-PASSED\r\n# ";
    for (std::size_t at = 0; at < echo.size(); at += piece) {
      stream.say(std::string_view(echo).substr(at, piece));
      EXPECT_FALSE(stream.counts("PASSED")) << at;
    }
    EXPECT_EQ(stream.judge("PASSED"), Answer::is_echo);
    EXPECT_EQ(stream.judge("tick"), Answer::is_echo) << "a t is part of the line";
    EXPECT_EQ(stream.judge("# ", 3), Answer::counts);
    stream.say("PASSED\r\n");
    EXPECT_TRUE(stream.counts("PASSED"));
  }
}

TEST(EchoReturnTest, UntilItHasComeBackItIsUnknown) {
  Stream stream;
  stream.type("false && echo TEST-PASSED");
  stream.say("false && echo TEStick\r\nT-PASSED");
  EXPECT_EQ(stream.judge("PASSED"), Answer::unknown);
  EXPECT_EQ(stream.judge("k\r"), Answer::counts) << "the line has no such byte";
  stream.say("\r");
  EXPECT_EQ(stream.judge("PASSED"), Answer::is_echo);
}

TEST(EchoReturnTest, TornBetweenItsEndAndTheLineEnd) {
  Stream stream;
  stream.type("echo done");
  stream.say("echo donetick\r\n");
  EXPECT_EQ(stream.judge("done"), Answer::is_echo);
}

TEST(EchoReturnTest, TornByDotsWithoutLineEnds) {
  Stream stream;
  stream.type("false && echo TEST-PASSED");
  stream.say("fals.e && ec.ho TE.ST-PAS.SED\r\n");
  EXPECT_FALSE(stream.counts("SED"));
  EXPECT_FALSE(stream.counts("ST-PAS"));
}

// Begun before the shell takes the terminal over, and printed anew after its prompt.
TEST(EchoReturnTest, WhatComesBeforeAWholeEcho) {
  Stream stream;
  stream.type("false && echo TEST-PASSED");
  stream.say("\x1b[?2004l\rfalse && echo TEST-PASSED\x1b[?2004h# ");
  EXPECT_FALSE(stream.counts("PASSED"));
  stream.say("false && echo TEST-PASSED\r\n# ");
  EXPECT_FALSE(stream.counts("PASSED"));
  stream.say("PASSED");
  EXPECT_TRUE(stream.counts("PASSED"));
}

TEST(EchoReturnTest, AWholeEchoDelaysNothing) {
  Stream stream;
  stream.say("=> ");
  stream.type("version");
  stream.say("version\r\nversion 1\r\n");
  EXPECT_EQ(stream.judge("version 1"), Answer::counts);
}

// Where nothing is echoed, words that share no beginning with the line count at once.
TEST(EchoReturnTest, APasswordIsFoundOut) {
  Stream stream;
  stream.say("Password: ");
  stream.type("secret");
  stream.say("\r\nWelcome to this secure host\r\n# ");
  EXPECT_EQ(stream.judge("Welcome"), Answer::counts);
  EXPECT_EQ(stream.judge("# "), Answer::counts);
  EXPECT_EQ(stream.judge("secure host"), Answer::unknown);
  EXPECT_EQ(stream.echo_return().give_up(stream.passed().size()),
            std::vector<std::string>{"secret"});
  EXPECT_EQ(stream.judge("secure host"), Answer::counts);
}

// The letters of a line stand in most texts, one after the other.
TEST(EchoReturnTest, LettersHereAndThereAreNoEcho) {
  Stream stream;
  stream.type("secret");
  stream.say("\r\nLast login: some carefully written text\r\nsee the manual\r\n");
  EXPECT_EQ(stream.judge("Last login"), Answer::unknown); // not is_echo
}

TEST(EchoReturnTest, TheNextEchoEndsTheDoubt) {
  Stream stream;
  stream.type("secret");
  stream.say("\r\nsome text\r\n# ");
  EXPECT_EQ(stream.judge("some"), Answer::unknown);
  stream.type("whoami");
  stream.say("whoami\r\nroot\r\n");
  EXPECT_EQ(stream.judge("some"), Answer::counts);
  EXPECT_EQ(stream.judge("root"), Answer::counts);
}

// Two lines at once, on a guest that reads one after the other: what the first prints counts.
TEST(EchoReturnTest, OutputOfALineBeforeOneThatWasTypedAhead) {
  Stream stream;
  stream.say("=> ");
  stream.type("echo one");
  stream.type("echo two");
  stream.say("echo one\r\none\r\n=> ");
  EXPECT_EQ(stream.judge("one"), Answer::unknown);
  stream.say("echo two\r\ntwo\r\n=> ");
  EXPECT_EQ(stream.judge("one"), Answer::counts);
  EXPECT_EQ(stream.judge("two"), Answer::counts);
}

TEST(EchoReturnTest, AGuestThatNeverEchoesIsLearned) {
  Stream stream;
  for (int line = 0; line < 2; ++line) {
    stream.type("reply");
    stream.say("round\r\n");
    stream.echo_return().give_up(stream.passed().size());
  }
  stream.type("reply");
  stream.say("reply\n"); // no echo of what was typed, and taken for one
  stream.say("reply 2\n");
  EXPECT_EQ(stream.judge("reply 2"), Answer::counts);
}

TEST(EchoReturnTest, ALineThatDoesNotComeBackIsNotWatchedForEver) {
  Stream stream;
  stream.type("secret");
  stream.say("\r\n" + std::string(70'000, 's') + "\r\nsome\r\n");
  EXPECT_EQ(stream.judge("some"), Answer::counts);
}

TEST(EchoReturnTest, LongLinesAreLinear) {
  Stream stream;
  const std::string line(1000, 'a');
  for (int i = 0; i < 8; ++i) {
    stream.type(line + "b");
  }
  for (int i = 0; i < 1000; ++i) {
    stream.say(line);
  }
  stream.say("x");
  EXPECT_EQ(stream.passed().size(), 1'000'001u);
}

// Forth's console echoes what was typed, but not the CR: its answer stands in the same line.
TEST(EchoReturnTest, AnEchoInOnePieceNeedsNoLineEnd) {
  Stream stream;
  stream.say("\r\n0 > ");
  stream.type("6 7 * .");
  for (const char byte : std::string_view("6 7 * .")) {
    stream.say(std::string(1, byte));
  }
  EXPECT_NE(stream.judge("* ."), Answer::counts);
  stream.say(" 2a  ok\r\n0 > ");
  EXPECT_EQ(stream.judge("2a  ok"), Answer::counts);
  EXPECT_EQ(stream.judge("0 > ", 3), Answer::counts);
}

// As the console of SLOF does: the cursor's place is stored before the echo and restored after it.
// Wherever the bytes are cut, and whether the line is typed before the sequence or in its middle.
TEST(EchoReturnTest, KeysWithoutALineEndComeBackToo) {
  Stream stream;
  stream.say("# ");
  stream.send("false && echo PASSED");
  EXPECT_EQ(stream.judge("# "), Answer::counts);
  stream.say("false && echo PAS");
  EXPECT_EQ(stream.judge("PAS"), Answer::unknown);
  EXPECT_EQ(stream.judge("false"), Answer::unknown);
  stream.say("SED");
  EXPECT_EQ(stream.judge("PASSED"), Answer::is_echo);
  stream.type("");
  stream.say("\r\nPASSED\r\n# ");
  EXPECT_EQ(stream.judge("PASSED"), Answer::is_echo);
  EXPECT_TRUE(stream.counts("PASSED"));
}

TEST(EchoReturnTest, KeysInPartsAreOneText) {
  for (const bool comes_between : {true, false}) {
    Stream stream;
    stream.say("# ");
    stream.send("false && echo PAS");
    stream.say(comes_between ? "false && echo PAS" : "");
    stream.send("SED");
    stream.say(comes_between ? "SED" : "false && echo PASSED");
    EXPECT_EQ(stream.judge("PASSED"), Answer::is_echo) << comes_between;
    stream.send(" twice");
    stream.say(" twice");
    EXPECT_EQ(stream.judge("PASSED twice"), Answer::is_echo) << comes_between;
  }
}

TEST(EchoReturnTest, ALineEndsKeys) {
  for (const bool comes_between : {true, false}) {
    Stream stream;
    stream.say("# ");
    stream.send("false && echo PAS");
    stream.say(comes_between ? "false && echo PAS" : "");
    stream.type("SED");
    stream.say(comes_between ? "SED\r\n# " : "false && echo PASSED\r\n# ");
    EXPECT_FALSE(stream.counts("PAS")) << stream.passed();
    EXPECT_FALSE(stream.counts("PASSED")) << stream.passed();
    stream.say("PASSED\r\n");
    EXPECT_TRUE(stream.counts("PASSED"));
  }
}

TEST(EchoReturnTest, AnswersToKeysThatAreNotEchoedCount) {
  Stream stream;
  stream.say("1) Linux\r\n2) BSD\r\n? ");
  stream.send("1");
  stream.say("\r\nbooting 1: Linux\r\n");
  EXPECT_EQ(stream.judge("booting 1"), Answer::counts);
  EXPECT_EQ(stream.judge("Linux", 24), Answer::counts);
  stream.send("y");
  stream.say("yes\r\n");
  EXPECT_EQ(stream.judge("yes"), Answer::counts);
}

TEST(EchoReturnTest, ControlSequencesAreNoPartOfTheText) {
  const std::string prompt = "\r\n0 > \x1b[0m\x1b"
                             "7";
  const std::string answer = "6 7 * .\x1b"
                             "8\x1b[7C  2a  ok\r\n0 > ";
  for (std::size_t typed_at = 6; typed_at <= prompt.size(); ++typed_at) {
    for (const std::size_t piece : {1u, 3u, 1000u}) {
      Stream stream;
      stream.say(prompt.substr(0, typed_at));
      stream.type("6 7 * .");
      const std::string rest = prompt.substr(typed_at) + answer;
      for (std::size_t i = 0; i < rest.size(); i += piece) {
        stream.say(rest.substr(i, piece));
      }
      EXPECT_EQ(stream.judge("2a  ok"), Answer::counts) << typed_at << ", " << piece;
    }
  }
}

std::string random_text(std::mt19937& random, std::string_view letters, std::size_t most) {
  std::string text;
  for (std::size_t i = 0, count = 1 + random() % most; i < count; ++i) {
    text += letters[random() % letters.size()];
  }
  return text;
}

// However an echo is torn and cut, no part of it that no other program prints counts; what comes
// after it does. QEMU_TEST_ROUNDS: how many, 2000 if unset.
TEST(EchoReturnTest, Property) {
  const char* const asked = std::getenv("QEMU_TEST_ROUNDS");
  const unsigned rounds = asked != nullptr ? static_cast<unsigned>(std::atoi(asked)) : 2000;
  for (unsigned seed = 1; seed <= rounds; ++seed) {
    std::mt19937 random(seed);
    const std::string line = random_text(random, "abcdeABC &-", 30) + "Z";
    std::string echo;
    for (const char byte : line) {
      if (random() % 4 == 0) {
        echo += random_text(random, "abcdexyz .", 12) + "\r\n";
      }
      echo += byte;
    }
    echo += "\r\n";
    Stream stream;
    stream.say("# ");
    stream.type(line);
    const std::size_t begin = 1 + random() % (line.size() - 1); // all of it would be an echo
    const std::string wanted = line.substr(begin); // with the Z, which nobody else prints
    for (std::size_t at = 0; at < echo.size();) {
      const std::size_t piece = 1 + random() % 10;
      stream.say(std::string_view(echo).substr(at, piece));
      at += piece;
      ASSERT_FALSE(stream.counts(wanted)) << "seed " << seed << ": '" << wanted << "' in " << echo;
    }
    stream.say(wanted + "\r\n");
    ASSERT_TRUE(stream.counts(wanted)) << "seed " << seed << ": " << line << " / " << echo;
  }
}

} // namespace echo_return_test
