// What happened at a terminal, as turns.
#include "record/recording.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace recording_test {
namespace {

using testing::ElementsAre;
using Kind = TerminalEvent::Kind;
using Input = Turn::Input;

// A terminal session: what came and what was typed, half a second apart.
class Session {
public:
  Session& says(const std::string& text) { return add(Kind::output, text); }
  Session& types(const std::string& text) { return add(Kind::typed, text); }
  // Key by key, each sent back.
  Session& types_with_echo(const std::string& text) {
    for (const char key : text) {
      types({key});
      says({key});
    }
    return *this;
  }
  Session& asks(const std::string& line, const Json& reply) {
    add(Kind::monitor, line);
    m_events.back().reply = reply;
    return *this;
  }
  Session& leaves() { return add(Kind::left, ""); }
  Session& ends(int status) {
    add(Kind::ended, "");
    m_events.back().status = status;
    return *this;
  }
  std::vector<Turn> turns() const { return turns_of(m_events); }

private:
  Session& add(Kind kind, const std::string& text) {
    m_events.push_back({kind, text, m_time += 0.5});
    return *this;
  }

  std::vector<TerminalEvent> m_events;
  double m_time = 0;
};

// "INPUT text | output" of each turn.
std::vector<std::string> shown(const std::vector<Turn>& turns) {
  std::vector<std::string> lines;
  for (const Turn& turn : turns) {
    const std::string input = turn.input == Input::line      ? "line"
                              : turn.input == Input::keys    ? "keys"
                              : turn.input == Input::monitor ? "monitor"
                              : turn.input == Input::ended   ? "ended"
                                                             : "left";
    lines.push_back(input + " " + turn.text + " | " + turn.output);
  }
  return lines;
}

TEST(Recording, ALineIsWhatIsTypedUpToEnter) {
  const auto turns = Session()
                         .says("boot\r\n=> ")
                         .types_with_echo("version")
                         .types("\r")
                         .says("\r\nU-Boot\r\n=> ")
                         .leaves()
                         .turns();
  EXPECT_THAT(shown(turns), ElementsAre("line version | boot\r\n=> ", "left  | U-Boot\r\n=> "));
  EXPECT_TRUE(turns[0].echoed);
}

TEST(Recording, TheEchoOfALineThatWasPastedIsTakenOffToo) {
  EXPECT_THAT(shown(Session().says("$ ").types("ls -l\r").says("ls -l\r\na\r\n$ ").turns()),
              ElementsAre("line ls -l | $ ", "left  | a\r\n$ "));
}

TEST(Recording, TheFirstLineOfAnAnswerIsNotTakenForTheEcho) {
  EXPECT_THAT(shown(Session()
                        .says("0 > ")
                        .types_with_echo("6 7 * .")
                        .types("\r")
                        .says(" 2a  ok\r\n0 > ")
                        .turns()),
              ElementsAre("line 6 7 * . | 0 > ", "left  |  2a  ok\r\n0 > "));
}

// OpenBIOS answers in the line in which it sends back, SLOF with the cursor moved meanwhile.
TEST(Recording, TheAnswerMayStandInTheLineOfTheEcho) {
  EXPECT_THAT(
      shown(Session().says("0 > ").types("6 7 * .\r").says("6 7 * . 2a  ok\r\n0 > ").turns()),
      ElementsAre("line 6 7 * . | 0 > ", "left  |  2a  ok\r\n0 > "));
  EXPECT_THAT(shown(Session()
                        .says("0 > ")
                        .types("6 7 ")
                        .says("6 7 ")
                        .types("* .\r")
                        .says("* . 2a  ok\r\n0 > ")
                        .turns()),
              ElementsAre("line 6 7 * . | 0 > ", "left  |  2a  ok\r\n0 > "));
  EXPECT_THAT(shown(Session()
                        .says("0 > ")
                        .types("power-off\r")
                        .says("\x1b"
                              "7power-off\x1b"
                              "8\x1b[9C ")
                        .ends(0)
                        .turns()),
              ElementsAre("line power-off | 0 > ", "ended  | \x1b"
                                                   "8\x1b[9C "));
}

TEST(Recording, AnEchoWithCorrectionsIsOneToo) {
  const auto turns = Session().says("# ").types("ecx\bho\r").says("ecx\b \bho\r\nx\r\n# ").turns();
  EXPECT_THAT(shown(turns), ElementsAre("line echo | # ", "left  | x\r\n# "));
  EXPECT_TRUE(turns[0].echoed);
}

TEST(Recording, SeveralLinesAtOnceAreSeveralTurns) {
  EXPECT_THAT(shown(Session().says("$ ").types("a\rb\r").turns()),
              ElementsAre("line a | $ ", "line b | ", "left  | "));
}

TEST(Recording, KeysThatStopACountdownAreNotPartOfTheNextLine) {
  EXPECT_THAT(
      shown(Session()
                .says("Hit any key:  2 ")
                .types(" ")
                .says("\b\b\b 0 \r\n=> ")
                .types_with_echo("version")
                .types("\r")
                .turns()),
      ElementsAre("keys   | Hit any key:  2 ", "line version | \b\b\b 0 \r\n=> ", "left  | "));
}

TEST(Recording, AMessageOfTheKernelDoesNotEndALine) {
  EXPECT_THAT(shown(Session()
                        .says("# ")
                        .types("l")
                        .says("l[   12.345678] usb 1-1: new device\r\n")
                        .types("s\r")
                        .turns()),
              ElementsAre("line ls | # ", "left  | "));
}

TEST(Recording, KeysThatCompleteAWordStayKeys) {
  EXPECT_THAT(
      shown(Session()
                .says("# ")
                .types("ls /e\t\t")
                .says("ls /e\r\netc exe\r\n# ls /e")
                .types("tc\r")
                .turns()),
      ElementsAre("keys ls /e\t\t | # ", "line tc | ls /e\r\netc exe\r\n# ls /e", "left  | "));
}

TEST(Recording, BackspaceEditsTheLine) {
  EXPECT_THAT(
      shown(Session().says("# ").types("lx\x7fs \xc3\xa4\x7f-a\r").types("oops\x15pwd\r").turns()),
      ElementsAre("line ls -a | # ", "line pwd | ", "left  | "));
}

TEST(Recording, ALineWithOtherKeysIsTypedAsItWas) {
  EXPECT_THAT(shown(Session().says("# ").types("\x1b[A\r").turns()),
              ElementsAre("keys \x1b[A\r | # ", "left  | "));
}

TEST(Recording, APasswordIsNotEchoed) {
  const auto turns = Session()
                         .says("login: ")
                         .types_with_echo("root")
                         .types("\r")
                         .says("\r\nPassword: ")
                         .types("secret\r")
                         .says("\r\n# ")
                         .turns();
  EXPECT_THAT(shown(turns),
              ElementsAre("line root | login: ", "line secret | Password: ", "left  | # "));
  EXPECT_TRUE(turns[0].echoed);
  EXPECT_FALSE(turns[1].echoed);
}

TEST(Recording, TheMonitorAndTheEndAreTurns) {
  const auto turns = Session()
                         .says("up\r\n")
                         .asks("info status", {{"return", "VM status: running\r\n"}})
                         .ends(3)
                         .says("later")
                         .turns();
  EXPECT_THAT(shown(turns), ElementsAre("monitor info status | up\r\n", "ended  | "));
  EXPECT_EQ(turns[0].reply["return"], "VM status: running\r\n");
  EXPECT_EQ(turns[1].status, 3);
}

TEST(Recording, NothingAtAll) { EXPECT_THAT(shown(turns_of({})), ElementsAre("left  | ")); }

// What a person thinks about is no time of the guest.
TEST(Recording, TheTimeIsTheGuests) {
  std::vector<TerminalEvent> events = {{Kind::output, "a", 1},
                                       {Kind::output, "# ", 4},
                                       {Kind::typed, "x\r", 60},
                                       {Kind::output, "# ", 61},
                                       {Kind::left, "", 99}};
  const auto turns = turns_of(events);
  EXPECT_DOUBLE_EQ(turns[0].seconds, 4);
  EXPECT_DOUBLE_EQ(turns[0].silence, 3);
  EXPECT_DOUBLE_EQ(turns[1].seconds, 1);
}

TEST(ConsoleLines, ArePrintablePieces) {
  const auto lines =
      console_lines("Hit any key:  2 \b\b\b 0 \r\n\x1b[1mSLOF\x1b[0m \xff\xc3\xa4\t.\n\n=> ");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0].pieces, ElementsAre("Hit any key:  2 ", " 0 "));
  EXPECT_THAT(lines[1].pieces, ElementsAre("SLOF ", "\xc3\xa4\t."));
  EXPECT_THAT(lines[2].pieces, ElementsAre());
  EXPECT_THAT(lines[3].pieces, ElementsAre("=> "));
  EXPECT_TRUE(lines[2].complete);
  EXPECT_FALSE(lines[3].complete);
}

// A character that is cut off at the end of the line, and bytes that begin none.
TEST(ConsoleLines, TakeWhateverBytesCome) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
  }
  for (const std::string& text :
       {all, std::string("\xe2\x82"), std::string("\0\0", 2), std::string("\xf4\xff\xff\xff")}) {
    for (const ConsoleLine& line : console_lines(text)) {
      for (const std::string& piece : line.pieces) {
        EXPECT_FALSE(piece.empty());
        EXPECT_EQ(Json::parse(dump_json(piece)), Json(piece)) << "no UTF-8";
      }
    }
  }
}

} // namespace
} // namespace recording_test
} // namespace qt
