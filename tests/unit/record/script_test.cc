// From turns to steps, with what runs without a person have shown, and what of a text comes again.
#include "record/script.hh"

#include "base/text.hh"
#include "record/definition_text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace script_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Input = Turn::Input;

Turn turn(const std::string& output, Input input, const std::string& text = "") {
  Turn result;
  result.output = output;
  result.input = input;
  result.text = text;
  return result;
}

Turn asked(const std::string& output, const std::string& line, const Json& reply) {
  Turn result = turn(output, Input::monitor, line);
  result.reply = reply;
  return result;
}

// Each step as it stands in a definition.
std::vector<std::string> shown(const std::vector<DraftStep>& steps) {
  std::vector<std::string> lines;
  for (const DraftStep& step : steps) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : step.keys) {
      keys.push_back(key + " = " + toml_value(value));
    }
    lines.push_back(join(keys, ", "));
  }
  return lines;
}

std::vector<std::string> steps_of(const std::vector<Turn>& turns, Knowledge knowledge = {},
                                  Detail detail = Detail::everything) {
  knowledge.year = "2026";
  return shown(draft_steps(turns, knowledge, detail));
}

// A run that said this and came so far.
Knowledge seen(const std::string& console, std::size_t turns) {
  Knowledge knowledge;
  knowledge.runs.push_back({ConsoleText(console), turns});
  return knowledge;
}

const std::vector<Turn> k_forth = {
    turn("Welcome to OpenBIOS v1.1\r\nTrying disk...\r\n\r\n0 > ", Input::line, "6 7 * ."),
    turn(" 2a  ok\r\n0 > ", Input::left),
};

TEST(Script, WaitsForTheFirstAndTheLastLineAndThePrompt) {
  EXPECT_THAT(steps_of(k_forth),
              ElementsAre(R"(wait = "Welcome to OpenBIOS v1.1")", R"(wait = "Trying disk...")",
                          R"(wait = "0 > ")", R"(line = "6 7 * .")", R"(wait = "2a  ok")",
                          R"(wait = "0 > ")"));
}

TEST(Script, TheFirstRunWaitsForPromptsOnly) {
  EXPECT_THAT(steps_of(k_forth, {}, Detail::prompts),
              ElementsAre(R"(wait = "0 > ")", R"(line = "6 7 * .")", R"(wait = "0 > ")"));
  const std::vector<Turn> silent = {turn("one\r\ntwo\r\n", Input::line, "x"),
                                    turn("", Input::left)};
  EXPECT_THAT(steps_of(silent, {}, Detail::prompts),
              ElementsAre(R"(wait = "two")", R"(line = "x")"));
}

const std::vector<Turn> k_shell = {
    turn("Hit any key to stop autoboot:  2 ", Input::keys, " "),
    turn("\b\b\b 0 \r\n=> ", Input::line, "version"),
    turn("U-Boot 2023.01\r\n\r\ngcc 12\r\nGNU ld 2.40\r\n=> ", Input::line, "echo hello"),
    turn("hello\r\n=> ", Input::line, "false"),
    turn("=> ", Input::left),
};

TEST(Script, AShellIsASteppedShellAndACountdownIsInterrupted) {
  EXPECT_THAT(
      steps_of(k_shell),
      ElementsAre(
          R"(interrupt = " ", until = "=> ")",
          R"(shell = "version", prompt = "=> ", stdout = ["U-Boot 2023.01", "GNU ld 2.40"])",
          R"(shell = "echo hello", prompt = "=> ", stdout = { equals = "hello" })",
          R"(shell = "false", prompt = "=> ")"));
}

TEST(Script, WhereNoShellAnswersLinesAreTyped) {
  Knowledge knowledge;
  knowledge.no_shells = {"=> "};
  EXPECT_THAT(steps_of(k_shell, knowledge),
              ElementsAre(R"(interrupt = " ", until = "=> ")", R"(line = "version")",
                          R"(wait = "U-Boot 2023.01")", R"(wait = "GNU ld 2.40")",
                          R"(wait = "=> ")",
                          R"(line = "echo hello")", // what it prints may be the echo
                          R"(wait = "=> ")", R"(line = "false")", R"(wait = "=> ")"));
}

TEST(Script, AStatusThatWasFoundOutIsAskedFor) {
  Knowledge knowledge;
  knowledge.statuses = {{3, 1}};
  knowledge.unjudged = {1};
  EXPECT_THAT(steps_of(k_shell, knowledge),
              ElementsAre(R"(interrupt = " ", until = "=> ")",
                          R"(shell = "version", prompt = "=> ")",
                          R"(shell = "echo hello", prompt = "=> ", stdout = { equals = "hello" })",
                          R"(shell = "false", prompt = "=> ", status = 1)"));
}

TEST(Script, SeveralKeysAtOneCountdownAreOneStep) {
  const std::vector<Turn> turns = {
      turn("Press any key: 3", Input::keys, "  "), turn("\r\nPress any key: 2", Input::keys, " "),
      turn("\r\nPress any key: 2", Input::line, ""), turn("\r\n> ", Input::left)};
  EXPECT_THAT(steps_of(turns), ElementsAre(R"(interrupt = " ", until = "> ")"));
}

// "s" again at the prompt would be part of the next line.
TEST(Script, AKeyThatIsNotBlankIsTypedOnce) {
  const std::vector<Turn> turns = {
      turn("Press \"s\" to enter Open Firmware.\r\n", Input::keys, "s"),
      turn("\r\nReady!\r\n0 > ", Input::left)};
  EXPECT_THAT(steps_of(turns),
              ElementsAre(R"(wait = "Press \"s\" to enter Open Firmware.")", R"(send = "s")",
                          R"(wait = "Ready!")", R"(wait = "0 > ")"));
}

TEST(Script, WhatDiffersFromRunToRunIsCutOut) {
  const std::vector<Turn> turns = {
      turn("UUID 0af3-11 found\r\nseed 1234\r\nBooted in 12 ms\r\nhost-17 login: ", Input::left)};
  EXPECT_THAT(
      steps_of(turns,
               seen("UUID 99c0-42 found\r\nseed 9876\r\nBooted in 13 ms\r\nhost-23 login: ", 1)),
      ElementsAre(R"(wait = "found")", R"(wait = "Booted in")", R"(wait = "login: ")"));
}

TEST(Script, ARunThatDidNotComeSoFarSaysNothing) {
  EXPECT_EQ(steps_of(k_forth, seen("", 0)), steps_of(k_forth));
  EXPECT_NE(steps_of(k_forth, seen("", 1)), steps_of(k_forth));
}

TEST(Script, ATextThatDidNotComeIsNotWaitedForAgain) {
  Knowledge knowledge;
  knowledge.never_came = {{0, "Trying disk..."}};
  EXPECT_THAT(steps_of(k_forth, knowledge),
              ElementsAre(R"(wait = "Welcome to OpenBIOS v1.1")", R"(wait = "0 > ")",
                          R"(line = "6 7 * .")", R"(wait = "2a  ok")", R"(wait = "0 > ")"));
}

TEST(Script, AShortPromptIsWaitedForAtTheStartOfALine) {
  const std::vector<Turn> turns = {turn("login: ", Input::line, "root"),
                                   turn("# ", Input::line, "vi"), turn("~\r\n~\r\n", Input::left)};
  EXPECT_THAT(steps_of(turns), ElementsAre(R"(wait = "login: ")", R"(line = "root")",
                                           R"(wait = "\n# ")", R"(line = "vi")"));
}

TEST(Script, TheMonitorIsAskedAgain) {
  const std::vector<Turn> turns = {
      asked("up and running\r\n# ", "info version", {{"return", "7.2 (Debian)\r\n"}}),
      asked("", R"({"execute": "query-status"})", {{"return", {{"status", "running"}}}}),
      asked("", R"({"execute": "x", "arguments": {"a": 1}})",
            {{"error", {{"class", "CommandNotFound"}}}}),
      turn("", Input::line, "true"),
      turn("# ", Input::line, "ls"),
      turn("a\r\n# ", Input::monitor, "quit"),
      turn("", Input::ended)};
  EXPECT_THAT(steps_of(turns),
              ElementsAre(R"(wait = "up and running")", R"(wait = "\n# ")",
                          R"x(hmp = "info version", matches = "7\\.2 \\(Debian\\)")x",
                          R"(qmp = "query-status", returns = { status = "running" })",
                          R"(qmp = "x", arguments = { a = 1 }, error = "CommandNotFound")",
                          R"(shell = "true", prompt = "# ")",
                          R"(shell = "ls", prompt = "# ", stdout = { equals = "a" })",
                          R"(quit = true)"));
  Knowledge knowledge;
  knowledge.unjudged = {0, 1};
  EXPECT_EQ(steps_of(turns, knowledge)[2], R"(hmp = "info version")");
  EXPECT_EQ(steps_of(turns, knowledge)[3], R"(qmp = "query-status")");
}

TEST(Script, AMonitorThatNeverAnsweredIsNotAsked) {
  EXPECT_THAT(
      steps_of({asked("ready\r\n", "info status", {}), asked("", R"({"execute": "quit"})", {})}),
      ElementsAre(R"(wait = "ready")", R"(quit = true)"));
}

TEST(Script, WhatTomlCannotHoldIsLeftOutOfAReply) {
  const Json reply = {
      {"a", nullptr}, {"b", {{"c", nullptr}, {"d", 1}}}, {"e", 18446744073709551615U}};
  EXPECT_THAT(steps_of({asked("", R"({"execute": "x"})", {{"return", reply}})}),
              ElementsAre(R"(qmp = "x", returns = { b = { d = 1 } })"));
  EXPECT_THAT(steps_of({asked("", R"({"execute": "x"})", {{"return", nullptr}})}),
              ElementsAre(R"(qmp = "x")"));
}

TEST(Script, AGuestThatSwitchesItselfOffIsWaitedFor) {
  std::vector<Turn> turns = {turn("ready\r\n# ", Input::line, "poweroff"),
                             turn("reboot: Power down\r\n", Input::ended)};
  turns[1].status = 3;
  EXPECT_THAT(steps_of(turns),
              ElementsAre(R"(wait = "ready")", R"(wait = "\n# ")", R"(line = "poweroff")",
                          R"(wait = "reboot: Power down")", R"(exit = 3)"));
}

// Whatever is typed or printed, it is UTF-8 and no failure of ours.
TEST(Script, HostileBytes) {
  for (const std::string& bytes :
       {std::string("\0", 1), std::string("\xff\xfe"), std::string("\x1b]0;title"),
        std::string("'''\"\"\""), std::string(100000, 'a'), std::string("\xc3")}) {
    const std::vector<Turn> turns = {turn(bytes + "\r\n" + bytes + "# ", Input::line, bytes),
                                     turn(bytes, Input::keys, bytes),
                                     turn(bytes + "\r\n", Input::left)};
    for (const DraftStep& step :
         draft_steps(turns, {"2026", {}, {}, {}, {}, {}}, Detail::everything)) {
      for (const auto& [key, value] : step.keys) {
        if (step.role != DraftStep::Role::input) {
          EXPECT_NO_THROW(toml_value(value)) << key;
        }
      }
    }
  }
}

TEST(Script, WhatCannotFailIsKnown) {
  const Knowledge knowledge;
  EXPECT_FALSE(can_fail(draft_steps({turn("", Input::left)}, knowledge, Detail::everything)));
  EXPECT_FALSE(can_fail(draft_steps({turn("\r\n \b", Input::line, "x"), turn("", Input::left)},
                                    knowledge, Detail::everything)));
  EXPECT_FALSE(can_fail(
      draft_steps({asked("", "quit", {}), turn("", Input::ended)}, knowledge, Detail::everything)));
  EXPECT_TRUE(can_fail(draft_steps({turn("", Input::ended)}, knowledge, Detail::everything)));
  EXPECT_TRUE(can_fail(draft_steps(k_forth, knowledge, Detail::prompts)));
  EXPECT_TRUE(can_fail(draft_steps(k_shell, knowledge, Detail::everything)));
}

TEST(Script, TellsWhatItLeavesOut) {
  Knowledge knowledge = seen("Booted in 13 ms\r\nother\r\n# ", 1);
  knowledge.year = "2026";
  const auto found =
      differences({turn("Booted in 12 ms\r\nwhole line gone\r\n# ", Input::left)}, knowledge);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].recorded, "Booted in 12 ms");
  EXPECT_EQ(found[0].kept, "Booted in");
  EXPECT_EQ(found[1].recorded, "whole line gone");
  EXPECT_EQ(found[1].kept, "");
  EXPECT_THAT(differences(k_forth, {"2026", {}, {}, {}, {}, {}}), IsEmpty());
}

TEST(Script, TellsOfPasswords) {
  std::vector<Turn> turns = {turn("login: ", Input::line, "root"),
                             turn("Password: ", Input::line, "secret"),
                             turn("\r\n# ", Input::left)};
  EXPECT_THAT(unechoed_lines(turns), IsEmpty());
  turns[1].echoed = false;
  EXPECT_THAT(unechoed_lines(turns), ElementsAre("secret"));
}

} // namespace
} // namespace script_test
} // namespace qt

namespace qt {
namespace stable_text_test {
namespace {

TEST(StableText, TimesAndDatesOfTodayAreCutOut) {
  const auto part = [](const std::string& text) { return timeless_part(text, "2026"); };
  EXPECT_EQ(part("Welcome to OpenBIOS"), "Welcome to OpenBIOS");
  EXPECT_EQ(part("[    1.234567] Run /init as init process"), "Run /init as init process");
  EXPECT_EQ(part("Fri Nov 27 14:36:21 UTC 2026"), " UTC ");
  EXPECT_EQ(part("Date: 2026-11-27 (Friday)    Time: 14:25:00"), "Date: ");
  EXPECT_EQ(part("started 27.11.2026 by the clock"), " by the clock");
  EXPECT_EQ(part("14:25:00"), "");
  // the day on which a payload was built is always the same
  EXPECT_EQ(part("U-Boot 2022.01 (Jan 10 2022 - 18:46)"), "U-Boot 2022.01 (Jan 10 2022 - ");
  EXPECT_EQ(part("release 12026 of 20261 parts"), "release 12026 of 20261 parts");
  EXPECT_EQ(part(""), "");
  EXPECT_EQ(part("=> "), "=> ");
}

TEST(StableText, WhatTwoTextsHaveInCommonEndsAtAWord) {
  EXPECT_EQ(common_part("Booted in 12 ms", "Booted in 13 ms"), "Booted in ");
  EXPECT_EQ(common_part("Booted in 1.25 s", "Booted in 1.31 s"), "Booted in ");
  EXPECT_EQ(common_part("12 disks were found", "7 disks were found"), " disks were found");
  EXPECT_EQ(common_part("at 0x80001234: ready", "at 0x80ff1234: ready"), ": ready");
  EXPECT_EQ(common_part("same", "same"), "same");
  EXPECT_EQ(common_part("abc", "xyz"), "");
  EXPECT_EQ(common_part("3.06 0.06", "2.98 0.06"), "") << "by chance";
  EXPECT_EQ(common_part("3.06 0.06", "3.06 0.06"), "3.06 0.06");
}

TEST(StableText, FindsTheLineThatStandsForAnother) {
  const ConsoleText console("first\r\nBooted in 13 ms\r\nlast\r\n");
  EXPECT_TRUE(console.contains("oted in"));
  EXPECT_FALSE(console.contains("12"));
  EXPECT_FALSE(console.contains("first\r\nBooted")) << "a text is of one line";
  EXPECT_EQ(console.most_similar("Booted in 12 ms"), "Booted in 13 ms");
  EXPECT_EQ(console.most_similar("something else"), "");
}

} // namespace
} // namespace stable_text_test
} // namespace qt
