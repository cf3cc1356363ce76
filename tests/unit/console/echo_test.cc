#include "console/echo.hh"

#include "base/text.hh"

#include <gtest/gtest.h>
#include <random>

namespace echo_test {

using namespace qt;

struct Case {
  std::vector<std::string> typed;
  std::string stream;
  std::string passes; // of the stream, before the console ends
};

// Fed in pieces of `piece` bytes, the first of `first`.
std::string filter(const Case& example, std::size_t piece, std::size_t first = 0) {
  EchoFilter echo;
  for (const std::string& line : example.typed) {
    echo.expect(line);
  }
  std::string passed;
  const auto sink = [&passed](std::string_view bytes) { passed += bytes; };
  std::string_view rest = example.stream;
  echo.feed(rest.substr(0, first), sink);
  rest.remove_prefix(std::min(first, rest.size()));
  while (!rest.empty()) {
    echo.feed(rest.substr(0, piece), sink);
    rest.remove_prefix(std::min(piece, rest.size()));
  }
  return passed;
}

class EchoCases : public testing::TestWithParam<Case> {};

TEST_P(EchoCases, PassTheSameHoweverCut) {
  for (const std::size_t piece : {1u, 2u, 3u, 5u, 1000u}) {
    EXPECT_EQ(filter(GetParam(), piece), GetParam().passes) << "in pieces of " << piece;
  }
  for (std::size_t cut = 1; cut < GetParam().stream.size(); ++cut) {
    EXPECT_EQ(filter(GetParam(), 1000, cut), GetParam().passes) << "cut at " << cut;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Echo, EchoCases,
    testing::Values(
        // The plain case; the line end stays.
        Case{{"version"}, "=> version\r\nU-Boot 2023\r\n", "=> \r\nU-Boot 2023\r\n"},
        // Dropped once only.
        Case{{"ls"}, "ls\r\nls\r\n", "\r\nls\r\n"},
        // Output that merely begins like it.
        Case{{"version"}, "version 1.0\r\nversion\r\n", "version 1.0\r\n\r\n"},
        Case{{"aab"}, ".aaab\r\n", ".aaab\r\n"}, Case{{".aab"}, "..aab\r\n", ".\r\n"},
        Case{{"echo X"}, "echo Y\r\necho X\r\n", "echo Y\r\n\r\n"},
        // A guest that does not echo.
        Case{{"secret"},
             "Password: \r\nWelcome to this box, secretary\r\n# ",
             "Password: \r\nWelcome to this box, secretary\r\n# "},
        // The next echo ends the waiting for the one that never came.
        Case{{"root", "whoami"},
             "Password: \r\n# whoami\r\nroot\r\n",
             "Password: \r\n# \r\nroot\r\n"},
        // The terminal wraps: readline's space and CR, plain CR LF, backspaces, sequences.
        Case{{"echo 1234567890"}, "$ echo 123456 \r7890\r\n$ ", "$ \r\n$ "},
        Case{{"foo bar"}, "foo \r bar\r\n", "\r\n"},
        Case{{"echo 1234567890"}, "echo 1234\r\n567\b\b\x1b[K\x1b[1;31m890\r\n", "\r\n"},
        Case{{"ls"}, "# ls\x1b[?2004l\r\nfile\r\n", "# \r\nfile\r\n"},
        // Kernel messages in the middle pass at once, the echo goes.
        Case{{"cat /proc/cpuinfo"},
             "# cat /pr[    3.141592] usb 1-1: new device\r\noc/cpuinfo\r\nprocessor",
             "# [    3.141592] usb 1-1: new device\r\n\r\nprocessor"},
        Case{{"ls"}, "l[    3.1] Kernel panic - not sync", "[    3.1] Kernel panic - not sync"},
        Case{{"ls"},
             "l[    3.1] one\r\n[    3.2] two\r\ns\r\nfile",
             "[    3.1] one\r\n[    3.2] two\r\n\r\nfile"},
        // Not an echo after all: released after the message.
        Case{{"ls"}, "l[    3.1] one\r\nx\r\n", "[    3.1] one\r\nlx\r\n"},
        // Brackets that belong to the line.
        Case{{"[ -f x ] && [1.5]"}, "[ -f x ] && [1.5]\r\n0", "\r\n0"},
        Case{{"a[1.5x"}, "a[1.5x\r\n", "\r\n"},
        // Held: only what may be an echo.
        Case{{"version"}, "=> vers", "=> "}, Case{{""}, "\r\n", "\r\n"}));

// Recorded from shells on a pseudo-terminal, lines typed while a command runs: the terminal driver
// echoes them at once, what edits lines once more after its prompt.
INSTANTIATE_TEST_SUITE_P(
    TypedAhead, EchoCases,
    testing::Values(
        Case{{"sleep 1", "sleep 1; echo testbox"}, // bash 5.2
             "\x1b[?2004h# sleep 1\r\n\x1b[?2004l\rsleep 1; echo testbox\r\n\x1b[?2004h# "
             "sleep 1; echo testbox\r\n\x1b[?2004l\rtestbox\r\n\x1b[?2004h# ",
             "\x1b[?2004h# \r\n\x1b[?2004l\r\r\n\x1b[?2004h# \r\n\x1b[?2004l\rtestbox\r\n"
             "\x1b[?2004h# "},
        Case{{"sleep 1", "echo one", "echo two", "echo three"}, // BusyBox 1.35
             "# \x1b[6nsleep 1\r\necho one\r\necho two\r\necho three\r\n# echo one\r\none\r\n"
             "# echo two\r\ntwo\r\n# echo three\r\nthree\r\n# \x1b[6n",
             "# \x1b[6n\r\n\r\n\r\n\r\n# \r\none\r\n# \r\ntwo\r\n# \r\nthree\r\n# \x1b[6n"},
        Case{{"sleep 1", "sleep 1; echo testbox"}, // mksh 59c
             "# sleep 1\r\r\nsleep 1; echo testbox\r\n# sleep 1; echo testbox\r\r\ntestbox\r\n# ",
             "# \r\r\n\r\n# \r\r\ntestbox\r\n# "},
        Case{{"import time;time.sleep(1)", "print(1)", "print(2)"}, // Python 3 with readline
             ">>> import time;time.sleep(1)\r\nprint(1)\r\nprint(2)\r\n>>> print(1)\r\n1\r\n"
             ">>> print(2)\r\n2\r\n>>> ",
             ">>> \r\n\r\n\r\n>>> \r\n1\r\n>>> \r\n2\r\n>>> "},
        // Behind what another program has begun to print; bash with "set -x", which is output.
        Case{{"printf \"Loading... \"; sleep 1", "echo testbox"},
             "# printf \"Loading... \"; sleep 1\r\nLoading... echo testbox\r\n# echo testbox\r\n"
             "testbox\r\n# ",
             "# \r\nLoading... \r\n# \r\ntestbox\r\n# "},
        Case{{"set -x; sleep 1", "echo testbox"},
             "# set -x; sleep 1\r\n+ sleep 1\r\necho testbox\r\n# echo testbox\r\n+ echo "
             "testbox\r\ntestbox\r\n# ",
             "# \r\n+ sleep 1\r\n\r\n# \r\n+ echo testbox\r\ntestbox\r\n# "},
        // In the queue at once: one echo. Begun before the prompt: its beginning passes.
        Case{{"sleep 1", "echo one", "echo two"},
             "# \x1b[6nsleep 1\r\n# echo one\r\none\r\n# echo two\r\ntwo\r\n# \x1b[6n",
             "# \x1b[6n\r\n# \r\none\r\n# \r\ntwo\r\n# \x1b[6n"},
        Case{{"sleep 0.1", "echo testbox"},
             "# sleep 0.1\r\n\x1b[?2004l\recho te\x1b[?2004h# echo testbox\r\n\x1b[?2004l\r"
             "testbox\r\n\x1b[?2004h# ",
             "# \r\n\x1b[?2004l\recho te\x1b[?2004h# \r\n\x1b[?2004l\rtestbox\r\n\x1b[?2004h# "},
        // dash echoes once, and does not print lines after its prompts.
        Case{{"sleep 1", "echo one", "echo two", "ls"},
             "# sleep 1\r\necho one\r\necho two\r\n# one\r\n# two\r\n# ls\r\nfile\r\n# ",
             "# \r\n\r\n\r\n# one\r\n# two\r\n# \r\nfile\r\n# "},
        Case{{"sleep 1", "cat <<E", "hello", "E"},
             "# sleep 1\r\ncat <<E\r\nhello\r\nE\r\n# > > hello\r\n# ",
             "# \r\n\r\n\r\n\r\n# > > hello\r\n# "},
        Case{{"sleep 1", "cat <<E", "hello", "E"}, // bash
             "# sleep 1\r\n# cat <<E\r\n> hello\r\n> E\r\nhello\r\n# ",
             "# \r\n# \r\n> \r\n> \r\nhello\r\n# "}));

// Where an echo is due and where none can be.
INSTANTIATE_TEST_SUITE_P(
    Place, EchoCases,
    testing::Values(
        // A prompt is learnt where an echo has shown it, whatever it looks like.
        Case{{"sleep 1", "ls"},
             "(initramfs) sleep 1\r\nls\r\n(initramfs) ls\r\nfile\r\n(initramfs) ls\r\n",
             "(initramfs) \r\n\r\n(initramfs) \r\nfile\r\n(initramfs) ls\r\n"},
        // Behind a prompt dropped once, and what came before it is given up.
        Case{{"ls"}, "# ls\r\n# ls\r\n", "# \r\n# ls\r\n"},
        Case{{"make", "ls"}, "make\r\n# ls\r\n# make\r\n", "\r\n# \r\n# make\r\n"},
        // The same line twice.
        Case{{"ls", "ls"},
             "ls\r\nls\r\n# ls\r\nx\r\n# ls\r\nls\r\n",
             "\r\n\r\n# \r\nx\r\n# \r\nls\r\n"},
        // No echo: an answer to a question is not the end of a word, a command not that of a text.
        Case{{"y"}, "\r\nReady\r\n", "\r\nReady\r\n"},
        Case{{"reboot"}, "\r\nThe system will reboot\r\n", "\r\nThe system will reboot\r\n"},
        Case{{"y"}, "Proceed? [Y/n] y\r\n", "Proceed? [Y/n] \r\n"},
        // A message tears the prompt from what was typed after it, before and after.
        Case{{"ls", "ls"},
             "# [    3.1] usb 1-1: new\r\nls\r\nfile\r\n# ls\r\nfile\r\n",
             "# [    3.1] usb 1-1: new\r\n\r\nfile\r\n# \r\nfile\r\n"},
        Case{{"sleep 1", "ls"},
             "# sleep 1\r\nls\r\n# [    3.1] one\r\n[    3.2] two\r\nls\r\nfile\r\n",
             "# \r\n\r\n# [    3.1] one\r\n[    3.2] two\r\n\r\nfile\r\n"}));

TEST(EchoTest, TheCursorsLineIsAsGoodAsAPrompt) {
  for (const std::string before : {"Enter number", "Loading 3 modules "}) {
    EchoFilter echo;
    std::string passed;
    const auto sink = [&passed](std::string_view bytes) { passed += bytes; };
    echo.feed(before, sink);
    echo.expect("5");
    echo.feed("5\r\nthere are 5\r\n", sink);
    EXPECT_EQ(passed, before + "\r\nthere are 5\r\n");
  }
}

// bash at 80 columns: fed at once it shows that a row is full with the next row's first byte, fed
// slowly with a blank. With TERM=dumb it scrolls sideways.
TEST(EchoTest, WrappedByReadline) {
  std::string typed = "echo";
  for (int word = 0; word < 40; ++word) {
    typed += " w" + std::string(word < 10 ? "0" : "") + std::to_string(word);
  }
  typed += " testbox";
  const std::string blanks(25, ' ');
  const std::string back(25, '\b');
  const std::vector<std::string> echoes = {
      "# echo w00 w01 w02 w03 w04 w05 w06 w07 w08 w09 w10 w11 w12 w13 w14 w15 w16 w17 w1\r18 w19 "
      "w20 w21 w22 w23 w24 w25 w26 w27 w28 w29 w30 w31 w32 w33 w34 w35 w36 w37 w3\r38 w39 "
      "testbox\r\n",
      "# echo w00 w01 w02 w03 w04 w05 w06 w07 w08 w09 w10 w11 w12 w13 w14 w15 w16 w17 w \r18 w19 "
      "w20 w21 w22 w23 w24 w25 w26 w27 w28 w29 w30 w31 w32 w33 w34 w35 w36 w37 w \r38 w39 "
      "testbox\r\n",
      "# \r<w29 w30 w31 w32 w33 w34 w35 w36 w37 w38 w39 testbox\r\n",
      "# echo w00 w01 w02 w03 w04 w05 w06 w07 w08 w09 w10 w11 w12 w13 w14 w15 w16 w1\r<w05 w06 "
      "w07 w08 w09 w10 w11 w12 w13 w14 w15 w16 w17" +
          blanks + back +
          " w18 w19 w20 w21 w22 w23 \r<1 w12 w13 w14 w15 w16 w17 w18 w19 w20 w21 "
          "w22 w23 w" +
          blanks + back +
          "24 w25 w26 w27 w28 w29 w3\r<w18 w19 w20 w21 w22 w23 w24 w25 w26 w27 "
          "w28 w29 w30" +
          blanks + back +
          " w31 w32 w33 w34 w35 w36 \r<4 w25 w26 w27 w28 w29 w30 w31 w32 w33 w34 "
          "w35 w36 w" +
          blanks + back + "37 w38 w39 testbox\r\n"};
  for (const std::string& echo : echoes) {
    const Case example = {{typed}, echo + typed.substr(5) + "\r\n", ""};
    for (const std::size_t piece : {1u, 7u, 1000u}) {
      EXPECT_EQ(filter(example, piece), "# \r\n" + typed.substr(5) + "\r\n") << echo;
    }
  }
}

// From the console of Debian's installer, whose shell believes in 80 columns.
TEST(EchoTest, WrappedByARealShell) {
  const std::string typed =
      "for i in 1 2 3 4 5 6 7 8 9; do echo \"<4>usb 1-$i: new high-speed USB device\" >/dev/kmsg; "
      "j=0; while [ $j -lt 100 ]; do j=$((j+1)); done; done & for n in 1 2 3 4 5 6 7 8 9; do for w "
      "in Lin \"ux t\" est b ox \" $n i\" s u p; do j=0; while [ $j -lt 30 ]; do j=$((j+1)); done; "
      "echo -n \"$w\"; done; echo; done; wait; echo X-$((6*7))";
  const std::string echo =
      "~ # \x1b"
      "[6nfor i in 1 2 3 4 5 6 7 8 9; do echo \"<4>usb 1-$i: new high-speed USB device\"\r\r\n"
      " >/dev/kmsg; j=0; while [ $j -lt 100 ]; do j=$((j+1)); done; done & for n in 1 2\r\r\n"
      " 3 4 5 6 7 8 9; do for w in Lin \"ux t\" est b ox \" $n i\" s u p; do j=0; while [ $\r\r\n"
      "j -lt 30 ]; do j=$((j+1)); done; echo -n \"$w\"; done; echo; done; wait; echo X-$(\r\r\n"
      "(6*7))\r\n";
  for (const std::size_t piece : {1u, 7u, 1000u}) {
    EXPECT_EQ(filter({{typed}, echo, ""}, piece), "~ # \x1b[6n\r\n");
  }
}

// The same, typed slowly while another process writes to /dev/kmsg.
TEST(EchoTest, TornByARealKernel) {
  const std::string echo = "~ # e[    4.602901] usb 2-1: reset\r\n"
                           "ch[    4.633236] usb 2-1: reset\r\n"
                           "o[    4.661469] usb 2-1: reset\r\n"
                           " [    4.690377] usb 2-1: reset\r\n"
                           "to[    4.720627] usb 2-1: reset\r\n"
                           "r[    4.749609] usb 2-1: reset\r\n"
                           "n [    4.780049] usb 2-1: reset\r\n"
                           "e[    4.810189] usb 2-1: reset\r\n"
                           "ch[    4.840763] usb 2-1: reset\r\n"
                           "o[    4.882883] usb 2-1: reset\r\n"
                           " o[    4.924477] usb 2-1: reset\r\n"
                           "f [    4.960890] usb 2-1: reset\r\n"
                           "a [    4.990802] usb 2-1: reset\r\n"
                           "t[    5.027310] usb 2-1: reset\r\n"
                           "ype[    5.085732] usb 2-1: reset\r\n"
                           "d l[    5.140067] usb 2-1: reset\r\n"
                           "in[    5.177311] usb 2-1: reset\r\n"
                           "e[    5.213835] usb 2-1: reset\r\n"
                           " $[    5.243449] usb 2-1: reset\r\n"
                           "(([    5.283655] usb 2-1: reset\r\n"
                           "6[    5.312785] usb 2-1: reset\r\n"
                           "*7[    5.342956] usb 2-1: reset\r\n"
                           ")[    5.371890] usb 2-1: reset\r\n"
                           ") [    5.403324] usb 2-1: reset\r\n"
                           "f[    5.432162] usb 2-1: reset\r\n"
                           "o[    5.460492] usb 2-1: reset\r\n"
                           "r [    5.490713] usb 2-1: reset\r\n"
                           "t[    5.518687] usb 2-1: reset\r\n"
                           "he[    5.547968] usb 2-1: reset\r\n"
                           " [    5.575895] usb 2-1: reset\r\n"
                           "t[    5.603815] usb 2-1: reset\r\n"
                           "es[    5.633281] usb 2-1: reset\r\n"
                           "t[    5.662869] usb 2-1: reset\r\n"
                           "\r\n";
  std::string messages = "~ # ";
  for (std::size_t at = echo.find("[  "); at != std::string::npos; at = echo.find("[  ", at + 1)) {
    messages += echo.substr(at, echo.find('\n', at) + 1 - at);
  }
  const std::string typed = "echo torn echo of a typed line $((6*7)) for the test";
  for (const std::size_t piece : {1u, 7u, 1000u}) {
    EXPECT_EQ(filter({{typed}, echo, ""}, piece), messages + "\r\n");
  }
}

TEST(EchoTest, TheEndReleasesWhatIsHeld) {
  EchoFilter echo;
  echo.expect("version");
  std::string passed;
  const auto sink = [&passed](std::string_view bytes) { passed += bytes; };
  echo.feed("=> version", sink);
  EXPECT_EQ(passed, "=> ");
  EXPECT_EQ(echo.held(), "version");
  echo.finish(sink);
  EXPECT_EQ(passed, "=> version");
}

TEST(EchoTest, OnlyEightAreAwaited) {
  EchoFilter echo;
  for (char name = 'a'; name < 'a' + 9; ++name) {
    echo.expect(std::string(3, name));
  }
  EXPECT_EQ(echo.pending(), 8u);
  std::string passed;
  echo.feed("aaa\r\nbbb\r\n", [&passed](std::string_view bytes) { passed += bytes; });
  EXPECT_EQ(passed, "aaa\r\n\r\n");
}

TEST(EchoTest, ANewLineWhileAnotherIsHeld) {
  EchoFilter echo;
  std::string passed;
  const auto sink = [&passed](std::string_view bytes) { passed += bytes; };
  echo.expect("one");
  echo.feed("on", sink);
  echo.expect("only");
  echo.feed("ly\r\n", sink);
  EXPECT_EQ(passed, "only\r\n"); // "only" was typed after its beginning had come
  echo.feed("one\r\nonly\r\n.", sink);
  EXPECT_EQ(passed, "only\r\n\r\n\r\n.");
}

std::string repeated(std::string_view part, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    text += part;
  }
  return text;
}

// What nearly repeats the line, over and over: hours, if each place were read to where it fails,
// or if the cost of a byte grew with the line.
TEST(EchoTest, NearEchoesAreNoBurden) {
  const std::string marks(4096, '#');
  const std::vector<std::pair<std::string, std::string>> hard = {
      {marks + "b", repeated("#", 1 << 17)},
      {marks, repeated(marks.substr(1) + "x", 1 << 17)},
      {marks + "b", repeated("#\r", 1 << 17)},
      {marks + "b", repeated("\r<###", 1 << 17)},
      {" b", repeated(" ", 1 << 17) + "x"},
      {"version of u-boot", repeated("\r", 1 << 17) + "x"},
      {"-a", "-" + repeated("\x1b[-", 1 << 17) + "x"},
      {"-a", "-" + repeated("\n", 1 << 17)},
      {std::string(2000, 'a') + "b", std::string(4000, 'a') + "x"}};
  for (const auto& [typed, stream] : hard) {
    EchoFilter echo;
    std::string passed;
    const auto sink = [&passed](std::string_view bytes) { passed += bytes; };
    for (std::size_t i = 0; i < 8; ++i) {
      echo.expect(typed);
    }
    echo.feed(stream, sink);
    EXPECT_LE(echo.held().size(), 64u * 1024);
    echo.finish(sink);
    EXPECT_TRUE(passed == stream) << typed.substr(0, 20);
    // It is awaited as before, once what wore it out is over.
    echo.feed("\r\n" + repeated("ready ", 1 << 17) + "\r\n", sink);
    passed.clear();
    echo.feed("# " + typed + "\r\n", sink);
    EXPECT_EQ(passed, "# \r\n");
  }
}

// Where a read holds more than one byte, a look at the second spares most readings.
TEST(EchoTest, ARandomStreamPassesTheSameHoweverCut) {
  std::mt19937 random(1);
  const std::string letters = "aab\x03C^ \r\n\b<#[";
  const auto some = [&](std::size_t longest, std::size_t kinds) {
    std::string text;
    for (std::size_t count = 1 + random() % longest; count > 0; --count) {
      text += letters[random() % kinds];
    }
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    Case random_case{{some(4, 6), some(3, 6)}, "", ""};
    for (int i = 0; i < 6; ++i) {
      random_case.stream += some(12, letters.size());
      random_case.stream += i % 2 == 0 ? random_case.typed[0] + "\r\n" : "# ";
    }
    const std::string passes = filter(random_case, 1);
    for (const std::size_t piece : {2u, 3u, 1000u}) {
      ASSERT_EQ(filter(random_case, piece), passes)
          << format_escapes(random_case.stream) << " typed " << format_escapes(random_case.typed[0])
          << " and " << format_escapes(random_case.typed[1]);
    }
  }
}

// As typed, or as a terminal shows them.
TEST(EchoTest, ControlCharacters) {
  const std::string typed = "\x16\tls\x03\x7f";
  for (const std::string& echo : {typed, std::string("^V\tls^C^?"), std::string("^V^Ils^C^?")}) {
    for (const std::size_t piece : {1u, 2u, 1000u}) {
      EXPECT_EQ(filter({{typed}, "# " + echo + "\r\n^V^", ""}, piece), "# \r\n^V^");
    }
  }
  EXPECT_EQ(filter({{"ls"}, "# ls^C\r\n", ""}, 1), "# ls^C\r\n");
}

} // namespace echo_test
