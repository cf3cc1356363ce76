#include "console/guest_tap.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace qt {
namespace guest_tap_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Strings = std::vector<std::string>;

GuestTap reader_of(std::string_view text) {
  GuestTap tap;
  for (const std::string& line : split(text, '\n')) {
    tap.take(line);
  }
  return tap;
}

// "ok NAME", "not ok NAME", "NAME # SKIP reason", "NAME # TODO reason" of each test.
Strings results(const GuestTap& tap) {
  Strings list;
  for (const GuestTest& test : tap.tests()) {
    switch (test.outcome) {
    case GuestTest::Outcome::pass:
      list.push_back("ok " + test.name);
      break;
    case GuestTest::Outcome::fail:
      list.push_back("not ok " + test.name);
      break;
    case GuestTest::Outcome::skip:
      list.push_back(format("{} # SKIP {}", test.name, test.reason));
      break;
    case GuestTest::Outcome::expected:
      list.push_back(format("{} # TODO {}", test.name, test.reason));
      break;
    }
  }
  return list;
}

Strings results(std::string_view text) {
  GuestTap tap = reader_of(text);
  tap.finish();
  EXPECT_EQ(tap.mistake(), "") << text;
  return results(tap);
}

std::string mistake(std::string_view text) {
  GuestTap tap = reader_of(text);
  tap.finish();
  return tap.mistake();
}

TEST(GuestTap, ReadsResultsAndDirectives) {
  EXPECT_THAT(results("TAP version 13\r\n1..7\r\nok 1 - one\r\nok two\r\nnot ok 3\r\n"
                      "ok 4 disk # skip no disk\r\nnot ok 5 - late # TODO bug 7\r\n"
                      "ok 6 early # TODO bug 8\r\nnot ok 7 x # SKIP\r\n"),
              ElementsAre("ok one", "ok two", "not ok 3", "disk # SKIP no disk",
                          "late # TODO bug 7", "ok early", "x # SKIP "));
  EXPECT_THAT(results("KTAP version 1\n1..4\nok 1 a # SKIP b\nnot ok 2 c # XFAIL old\n"
                      "not ok 3 d # TIMEOUT 45 seconds\nok 4 e # ERROR x\n"),
              ElementsAre("a # SKIP b", "c # TODO old", "not ok d", "not ok e"));
}

// Or a failure would be none because of a name that begins so.
TEST(GuestTap, ADirectiveIsAWholeWord) {
  EXPECT_THAT(results("1..6\nnot ok 1 a # todo-list\nnot ok 2 b # XFAIL-mode\n"
                      "not ok 3 c # skipping over\nnot ok 4 d # skip_all\nok 5 e # Skipped: no f\n"
                      "not ok 6 g # TODO: later\n"),
              ElementsAre("not ok a _ todo-list", "not ok b _ XFAIL-mode",
                          "not ok c _ skipping over", "not ok d _ skip_all", "e # SKIP : no f",
                          "g # TODO : later"));
}

TEST(GuestTap, ADirectiveNeedsItsPlace) {
  EXPECT_THAT(results("1..5\nok 1 a \\# SKIP b\nok 2 issue#skip c\nok 3 #7 # SKIP d\n"
                      "not ok 4 e # todos\nok 5 f # error 5\n"),
              ElementsAre("ok a _ SKIP b", "ok issue_skip c", "_7 # SKIP d", "not ok e _ todos",
                          "ok f _ error 5"));
}

TEST(GuestTap, ThePlanMayComeLast) {
  GuestTap tap = reader_of("ok 1 a\nok 2 b");
  EXPECT_FALSE(tap.is_complete());
  tap.take("1..2");
  EXPECT_TRUE(tap.is_complete());
  tap.finish();
  EXPECT_EQ(tap.mistake(), "");
}

TEST(GuestTap, IsCompleteWithTheLastPlannedTest) {
  GuestTap tap = reader_of("KTAP version 1\n1..1\n    KTAP version 1\n    1..1\n    ok 1 a");
  EXPECT_FALSE(tap.is_complete());
  tap.take("ok 1 suite");
  EXPECT_TRUE(tap.is_complete());
  EXPECT_THAT(results(tap), ElementsAre("ok suite/a", "ok suite"));
}

// One that was lost or came twice is no reason to wait for it.
TEST(GuestTap, IsCompleteWhereANumberIsWrong) {
  EXPECT_TRUE(reader_of("1..2\nok 1 a\nok 1 b").is_complete());
  EXPECT_TRUE(reader_of("1..3\nok 1 a\nok 3 b").is_complete());
  EXPECT_FALSE(reader_of("1..3\nok 1 a\nok 1 b").is_complete());
}

// KUnit on a kernel's console: Linux 6.6, kunit_example_test.
TEST(GuestTap, ReadsWhatAKernelPrints) {
  EXPECT_THAT(results("[    1.200102] KTAP version 1\r\n"
                      "[    1.200202] 1..2\r\n"
                      "[    1.201102]     KTAP version 1\r\n"
                      "[    1.201202]     # Subtest: example\r\n"
                      "[    1.201302]     # module: kunit_example_test\r\n"
                      "[    1.201402]     1..3\r\n"
                      "[    1.201502]     # example_simple_test: initializing\r\n"
                      "[    1.201602]     ok 1 example_simple_test\r\n"
                      "[    1.201702]         KTAP version 1\r\n"
                      "[    1.201802]         # Subtest: example_params_test\r\n"
                      "[    1.201902]         ok 1 example value 3\r\n"
                      "[    1.202002] usb 1-1: new device\r\n"
                      "[    1.202102]         ok 2 example value 0 # SKIP unsupported\r\n"
                      "[    1.202202]     ok 2 example_params_test\r\n"
                      "[    1.202302]     # example_fail: EXPECTATION FAILED at x.c:7\r\n"
                      "[    1.202402]     not ok 3 example_fail\r\n"
                      "[    1.202502] # example: pass:2 fail:1 skip:0 total:3\r\n"
                      "[    1.202602] not ok 1 example\r\n"
                      "<6>[    1.202702][    T1] ok 2 other\r\n"),
              ElementsAre("ok example/example_simple_test",
                          "ok example/example_params_test/example value 3",
                          "example/example_params_test/example value 0 # SKIP unsupported",
                          "ok example/example_params_test", "not ok example/example_fail",
                          "not ok example", "ok other"));
}

TEST(GuestTap, ReadsSubtestsOfTap14) {
  EXPECT_THAT(
      results("TAP version 14\n1..2\n# Subtest: first\n    ok 1 - a\n    not ok 2 - b\n"
              "    1..2\nnot ok 1 - first\n    ok 1 - c\n    1..1\nok 2 - second\n"),
      ElementsAre("ok first/a", "not ok first/b", "not ok first", "ok second/c", "ok second"));
  EXPECT_THAT(results("  TAP version 13\n  1..1\n  ok 1 a\n"), ElementsAre("ok a"));
}

TEST(GuestTap, APlanThatIsNotKeptIsAMistake) {
  EXPECT_EQ(mistake(""), "no test came");
  EXPECT_EQ(mistake("KTAP version 1\n"), "no test came");
  EXPECT_EQ(mistake("login: \nok\nok, booting\nOK 1\n"), "no test came");
  EXPECT_EQ(mistake("ok 1 a\nok 2 b\n"), "2 tests came, but no plan");
  EXPECT_EQ(mistake("1..0\n"), "no test came, and none was planned");
  EXPECT_EQ(mistake("1..3\nok 1 a\nok 2 b\n"), "only 2 of 3 planned tests came");
  EXPECT_EQ(mistake("1..1\nok 1 a\nok 2 b\n"), "test 2 ('b') came, 1 were planned");
  EXPECT_EQ(mistake("ok 1 a\nok 2 b\n1..1\n"), "2 tests came, 1 were planned");
  EXPECT_EQ(mistake("ok 1 a\n1..2\nok 2 b\n"), "the plan came after 1 of 2 planned tests");
  EXPECT_EQ(mistake("1..2\nok 1 a\nok 1 b\n"), "test 1 ('b') came where test 2 was due");
  EXPECT_EQ(mistake("1..2\nok 2 a\nok 1 b\n"), "test 2 ('a') came where test 1 was due");
  EXPECT_EQ(mistake("1..3\nok 1 a\nok 3 b\n"), "test 3 ('b') came where test 2 was due");
  EXPECT_EQ(mistake("1..1\n1..1\nok 1 a\n"), "a second plan came");
  EXPECT_EQ(mistake("1..2\nok 1 a\nBail out! no memory\nok 2 b\n"),
            "the guest bailed out: no memory");
  EXPECT_EQ(mistake("1..1\n    Bail out!\nok 1 b\n"), "the guest bailed out");
  EXPECT_EQ(mistake("1..18446744073709551617\nok 1 a\n"),
            "1000000000 tests are planned, more than 10000");
  EXPECT_EQ(mistake("1..1\nok 18446744073709551617 a\n"),
            "test 1000000000 ('a') came where test 1 was due");
}

TEST(GuestTap, APlanInsideThatIsNotKeptIsAMistake) {
  EXPECT_EQ(mistake("1..1\n  1..2\n  ok 1 a\nok 1 s\n"), "only 1 of 2 planned tests of 's' came");
  EXPECT_EQ(mistake("1..1\n  1..0\nok 1 s\n"), "no test of 's' came");
  EXPECT_EQ(mistake("1..1\n  KTAP version 1\nok 1 s\n"), "no test of 's' came");
  EXPECT_EQ(mistake("1..1\n  1..0 # SKIP no disk\nok 1 s\n"), "");
  EXPECT_EQ(mistake("1..1\n  1..0\nok 1 s # SKIP no disk\n"), "");
  EXPECT_EQ(mistake("1..2\nok 1 r\n  # Subtest: s\n  1..1\n  ok 1 a\n"),
            "the tests of 's' came, but not its own result");
  EXPECT_EQ(mistake("1..1\n    ok 1 deep\n  ok 1 a\n  ok 3 b\nok 1 s\n"),
            "test 3 ('b') came where test 2 was due");
  EXPECT_EQ(mistake("1..1\n        ok 1 deep\n    1..1\n    ok 1 a\nok 1 s\n"),
            "the tests of 'unnamed' came, but not its own result");
}

TEST(GuestTap, ASkipOfTheWholeIsOne) {
  EXPECT_THAT(results("TAP version 13\n1..0 # SKIP no KVM\n"), ElementsAre("all # SKIP no KVM"));
  EXPECT_TRUE(reader_of("1..0 # skip").is_complete());
}

TEST(GuestTap, DocumentsMayFollowEachOther) {
  EXPECT_THAT(results("KTAP version 1\n1..1\nok 1 a\nKTAP version 1\n1..1\nok 1 b\n"),
              ElementsAre("ok a", "ok b"));
  EXPECT_EQ(mistake("KTAP version 1\n1..2\nok 1 a\nKTAP version 1\n1..1\nok 1 b\n"),
            "only 1 of 2 planned tests came"); // it has restarted
}

// The console driver of Linux writes a message wherever a program's writer has got to.
TEST(GuestTap, AMessageOfTheKernelTearsNoResult) {
  const std::string message = "[    3.141592] usb 1-1: new device\r\n";
  for (const std::string result : {"not ok 1 - a", "    not ok 1 - a"}) {
    for (std::size_t at = 1; at <= result.size(); ++at) {
      const std::string torn =
          result.substr(0, at) + message + message + result.substr(at) + "\r\n";
      const bool is_inner = result[0] == ' ';
      const std::string rest = is_inner ? "not ok 1 s\r\n" : "";
      EXPECT_EQ(results("1..1\r\n" + torn + rest)[0], is_inner ? "not ok s/a" : "not ok a") << at;
    }
  }
  EXPECT_THAT(results("1..2\nok 1 a\nhalf a prom[    3.1] ok 2 b\npt\n"),
              ElementsAre("ok a", "ok b"));
  EXPECT_THAT(results("1..2\n# [    3.1] ok 9 quoted\nok 1 a\nok 2 b[    3.1] x\n\n"),
              ElementsAre("ok a", "ok b"));
}

TEST(GuestTap, ReadsWhatATerminalShows) {
  EXPECT_THAT(results("\x1b[?2004l\r1..2\r\n\x1b[32mok 1 a\x1b[0m\r\n10 %\r20 %\rok 2 b\r\r\n"),
              ElementsAre("ok a", "ok b"));
}

TEST(GuestTap, AFailureHasItsDiagnostics) {
  const GuestTap before =
      reader_of("KTAP version 1\n1..2\n# one\nok 1 a\n# two\n# three\nnot ok 2 b\n# four\n");
  EXPECT_THAT(before.tests()[0].diagnostics, IsEmpty());
  EXPECT_THAT(before.tests()[1].diagnostics, ElementsAre("# two", "# three"));
  const GuestTap after = reader_of("TAP version 13\n1..2\nnot ok 1 a\n  ---\n  got: 1\n  ok 2 no\n"
                                   "  ...\n# why\nok 2 b\n# of b\n");
  EXPECT_THAT(after.tests()[0].diagnostics,
              ElementsAre("---", "got: 1", "ok 2 no", "...", "# why"));
  EXPECT_TRUE(after.is_complete());
}

TEST(GuestTap, ABlockThatDoesNotEndHidesNoResult) {
  EXPECT_THAT(results("1..2\nok 1 a\n  ---\n  x: 1\nnot ok 2 b\n"),
              ElementsAre("ok a", "not ok b"));
  EXPECT_EQ(mistake("1..1\n  ---\n  1..1\nok 1 a\n"), "only 0 of 1 planned tests of 'a' came");
}

// Also between its CR and its LF, where a block of YAML begins, and before the end of all.
TEST(GuestTap, AMessageAnywhereChangesNoResult) {
  const Strings documents = {
      "TAP version 13\r\n1..3\r\nok 1 - one\r\nnot ok 2 two\r\nok 3 three # SKIP no disk\r\n",
      "KTAP version 1\r\n1..2\r\n    KTAP version 1\r\n    # Subtest: s\r\n    1..2\r\n    ok 1 "
      "a\r\n"
      "    not ok 2 b\r\nnot ok 1 s\r\nok 2 t\r\n",
      "1..2\r\nok 1 a\r\n    not ok 1 in\r\nok 2 b\r\n",
      "1..2\r\nnot ok 1 a\r\n  ---\r\n  got: 1\r\n  ...\r\nok 2 b\r\n",
      "ok 1 a\r\n1..1\r\nBail out! no memory\r\n",
  };
  const Strings messages = {"[    1.000000] usb 1-1: new device\r\n", "[    1.000000]\r\n",
                            "[    1.000000][    T1] ok\r\n",
                            "<6>[    1.000000] [drm] a [ 2.0] b\r\n"};
  for (const std::string& document : documents) {
    GuestTap whole = reader_of(document);
    whole.finish();
    for (const std::string& message : messages) {
      for (std::size_t at = 0; at <= document.size(); ++at) {
        const std::string text = document.substr(0, at) + message + document.substr(at);
        GuestTap tap = reader_of(text);
        tap.finish();
        EXPECT_EQ(results(tap), results(whole)) << text;
        EXPECT_EQ(tap.mistake(), whole.mistake()) << text;
      }
    }
  }
}

TEST(GuestTap, ABlockOfYamlMayQuoteMessages) {
  const std::string block = "  ---\n  log: |\n    [    1.0] a message\n  ...\n";
  EXPECT_THAT(results("1..2\nnot ok 1 a\n" + block + "    1..1\n    not ok 1 in\nok 2 b\n"),
              ElementsAre("not ok a", "not ok b/in", "ok b"));
  EXPECT_THAT(results("1..2\nnot ok 1 a\n  ---\n[    1.0] a message\n  got: |\n    ok 7 x\n  ...\n"
                      "ok 2 b\n"),
              ElementsAre("not ok a", "ok b"));
}

TEST(GuestTap, NamesAreFitToBeShown) {
  const Strings names = results("1..6\nok 1 a\x01\xff# b\nok 2 \xef\xbf\xbf\nok 3 \x1b[2Ja\tb\n"
                                "not ok 4 -\nok 5 " +
                                std::string(119, 'x') + "\xc3\xa9y\nok 6 --x # SKIP \x02\n");
  EXPECT_EQ(names[0], "ok a\\x01\\xff_ b");
  EXPECT_EQ(names[1], "ok \\xef\\xbf\\xbf");
  EXPECT_EQ(names[2], "ok a b");
  EXPECT_EQ(names[3], "not ok 4");
  EXPECT_EQ(names[4], "ok " + std::string(119, 'x') + "…");
  EXPECT_EQ(names[5], "--x # SKIP \\x02");
}

TEST(GuestTap, TakesNoMoreThanItCanHold) {
  std::string many;
  for (std::size_t i = 1; i <= GuestTap::k_most_tests + 5; ++i) {
    many += format("# a diagnostic of {}\nnot ok {} x\n", std::string(500, 'd'), i);
  }
  const GuestTap tap = reader_of(many);
  EXPECT_EQ(tap.mistake(), "more than 10000 tests came");
  EXPECT_EQ(tap.tests().size(), GuestTap::k_most_tests);
  std::size_t kept = 0;
  for (const GuestTest& test : tap.tests()) {
    for (const std::string& line : test.diagnostics) {
      kept += line.size();
    }
  }
  EXPECT_LE(kept, std::size_t{1} << 20);
  std::string deep = "1..1\n";
  for (std::size_t i = 1; i < 60; ++i) {
    deep += std::string(i, ' ') + "ok 1 x\n";
  }
  EXPECT_EQ(mistake(deep + "ok 1 y\n"), "tests are nested deeper than 16");
  // Each of these is torn anew; if all were kept, this would take minutes.
  std::string torn;
  for (int i = 0; i < 200'000; ++i) {
    torn += " [1.0] y\n";
  }
  EXPECT_EQ(mistake("1..1\n" + torn + "x\nok 1 a\n"), "");
}

TEST(GuestTap, LooksAtWhatFollowsTheLastTest) {
  GuestTap tap = reader_of("1..1\nok 1 a");
  EXPECT_TRUE(tap.take_more("# a comment"));
  EXPECT_EQ(tap.mistake(), "");
  EXPECT_FALSE(tap.take_more("TAP version 13"));
  EXPECT_FALSE(tap.take_more("1..2"));
  EXPECT_FALSE(tap.take_more("login:"));
  EXPECT_TRUE(tap.take_more("[    1.4] usb 1-1: new device"));
  EXPECT_EQ(tap.mistake(), "");
  EXPECT_TRUE(tap.take_more("[    1.5] not ok 2 b"));
  EXPECT_EQ(tap.mistake(), "test 2 ('b') came, 1 were planned");
}

TEST(GuestTap, SaysHowFarItHasCome) {
  EXPECT_EQ(reader_of("x").progress(), "the guest has not said anything in TAP or KTAP");
  EXPECT_EQ(reader_of("ok 1 a").progress(), "1 tests have come, and no plan");
  EXPECT_EQ(reader_of("1..3\nok 1 a").progress(), "1 of 3 planned tests have come");
}

// Whatever a guest prints, a failure that it tells is among the results or the whole is a mistake.
TEST(GuestTap, NothingMakesAFailureASuccess) {
  const Strings parts = {
      "ok 1 a",       "not ok 2 b", "1..2",         "1..1",       "TAP version 13",
      "  ok 1 c",     "  1..1",     "    not ok 1", "  ---",      "  ...",
      "KTAP version", "# x",        "Bail out!",    "[  1.0] ",   "not ",
      "ok 2 b",       "\r",         "\x1b[",        "# SKIP",     "\xff",
      "\n",           "\n",         "\n",           "not ok 3 # "};
  std::mt19937 random(7); // always the same
  for (int round = 0; round < 20'000; ++round) {
    const bool tells_failure = round % 2 == 0;
    std::string text = tells_failure ? "1..2\nok 1 a\nnot ok 2 b\n" : "";
    for (std::size_t i = random() % 14; i > 0; --i) {
      text += parts[random() % parts.size()] + (random() % 3 != 0 ? "\n" : "");
    }
    GuestTap tap = reader_of(text);
    tap.finish();
    for (const GuestTest& test : tap.tests()) {
      EXPECT_EQ(test.name.find_first_of("#\n\r\t\x1b\xff"), std::string::npos) << text;
      EXPECT_FALSE(test.name.empty());
    }
    const bool is_good = tap.mistake().empty() && !tap.tests().empty() &&
                         std::none_of(tap.tests().begin(), tap.tests().end(), [](const auto& one) {
                           return one.outcome == GuestTest::Outcome::fail;
                         });
    EXPECT_FALSE(tells_failure && is_good) << text;
  }
}

} // namespace guest_tap_test
} // namespace qt
