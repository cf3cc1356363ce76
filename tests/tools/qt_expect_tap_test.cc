// The step "tap" of qt-expect: with a real shell on a terminal, with guests that do what that
// cannot be made to do, and with qt-tap around a real U-Boot.
#include "base/format.hh"
#include "base/text.hh"
#include "expect_fixture.hh"
#include "ipc/verdict.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace {

using support::FakeGuest;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Words = std::vector<std::string>;

class QtExpectTap : public support::ExpectFixture {
protected:
  // A guest that says this, piece by piece, and ends when it is asked to.
  Captured hear(const std::string& text, const Words& steps,
                std::size_t piece = std::string::npos) const {
    Words words = {"--timeout", "20s"};
    words.insert(words.end(), steps.begin(), steps.end());
    return run_with(
        [&](FakeGuest& guest) {
          guest.say(text, piece);
          guest.hear_request();
          guest.end("exited 0");
        },
        words);
  }
  // A guest that says this and is silent then.
  Captured hear_in_vain(const std::string& text, const Words& steps) const {
    Words words = {};
    words.insert(words.end(), steps.begin(), steps.end());
    words.insert(words.end(), {"--timeout", "1s"});
    return hear(text, words);
  }
  Verdict verdict() const { return read_verdict(m_folder.path()).value_or(Verdict()); }
};

std::string code(const Captured& result) { return result.status.text(); }

const std::string k_good = "TAP version 13\r\n1..3\r\nok 1 - one\r\nok 2 two # SKIP no disk\r\n"
                           "not ok 3 three # TODO bug 7\r\n";

TEST_F(QtExpectTap, TellsWhatTheGuestTells) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::string::npos}) {
    const Captured result = hear("noise\r\n" + k_good + "# rest\r\nlogin: ",
                                 {"--tap", "--wait", "# rest", "--wait", "login: "}, piece);
    EXPECT_EQ(code(result), "exited 0") << result.err;
    EXPECT_EQ(result.out, "TAP version 13\n1..3\nok 1 one\nok 2 two # SKIP no disk\n"
                          "not ok 3 three # TODO bug 7\n");
  }
  const Verdict left = verdict();
  ASSERT_EQ(left.checks.size(), 3u);
  EXPECT_EQ(left.cause, Cause::pass);
  EXPECT_EQ(left.checks[1].cause, Cause::skip);
  EXPECT_EQ(left.checks[2].expected, "bug 7");
}

TEST_F(QtExpectTap, AFailureFailsButStopsNoLaterStep) {
  const Captured result =
      hear("1..2\r\n# why\r\nnot ok 1 a#1\r\nok 2 b\r\nmore\r\n",
           {"--tap", "--wait", "more", "--run", "touch " + m_folder.path() + "/f"});
  EXPECT_EQ(code(result), "exited 1");
  EXPECT_EQ(result.out,
            "TAP version 13\n1..2\nnot ok 1 a_1\n# the guest's own test failed\n# # why\n"
            "ok 2 b\n");
  EXPECT_THAT(result.err, HasSubstr("1 of 2 checks failed: 'a_1'"));
  EXPECT_TRUE(exists(m_folder.path() + "/f"));
  EXPECT_EQ(verdict().cause, Cause::check);
}

TEST_F(QtExpectTap, ASkipAfterAFailureIsNoSkip) {
  const Captured result = hear("1..2\r\nok 1 a\r\nnot ok 2 b\r\n",
                               {"--tap", "--run", "sh -c 'echo no disk >&2; exit 77'"});
  EXPECT_EQ(code(result), "exited 1") << result.err;
  EXPECT_EQ(verdict().cause, Cause::check);
  EXPECT_THAT(verdict().message, HasSubstr("1 of 2 checks failed: 'b'; then it was skipped: "));
  EXPECT_EQ(code(hear("1..1\r\nok 1 a\r\n", {"--tap", "--run", "sh -c 'exit 77'"})), "exited 77");
}

TEST_F(QtExpectTap, APlanThatIsNotKeptFails) {
  const auto fails = [&](const std::string& text, const std::string& why) {
    const Captured result = hear(text + "END\r\n", {"--tap-until", "END"});
    EXPECT_EQ(code(result), "exited 1") << text;
    EXPECT_THAT(result.err, HasSubstr(why)) << text;
    EXPECT_THAT(result.out, AllOf(HasSubstr("\nBail out! "), HasSubstr(why))) << text;
    EXPECT_EQ(verdict().cause, Cause::assertion);
  };
  fails("", "no test came");
  fails("ok 1 a\r\n", "1 tests came, but no plan");
  fails("1..2\r\nok 1 a\r\n", "only 1 of 2 planned tests came");
  fails("1..1\r\nok 1 a\r\nok 2 b\r\n", "test 2 ('b') came, 1 were planned");
  fails("1..2\r\nok 1 a\r\nok 1 b\r\n", "test 1 ('b') came where test 2 was due");
  fails("1..0\r\n", "no test came, and none was planned");
  fails("1..2\r\nok 1 a\r\nBail out! disk\r\n", "the guest bailed out: disk");
  fails("1..1\r\nnot [    1.5] usb: new\r\nok 1 a\r\nok 2 b\r\n", "test 2 ('b') came");
  EXPECT_EQ(verdict().checks.at(0).cause, Cause::assertion); // the torn "not ok"
}

TEST_F(QtExpectTap, TheRestBesideTheTextCounts) {
  const Captured result = hear("1..2\r\nok 1 a\r\nok 2 bEND", {"--tap-until", "END"}, 1);
  EXPECT_EQ(code(result), "exited 0") << result.err;
  EXPECT_THAT(result.out, HasSubstr("\nok 2 b\n"));
  const Captured torn = run_with(
      [](FakeGuest& guest) {
        guest.say("1..2\r\nok 1 a\r\nok 2");
        guest.say(" b", 1, Duration(200)); // the text begins on what has been looked at
        guest.hear_request();
        guest.end("exited 0");
      },
      {"--timeout", "20s", "--tap-until", "ok 2 b"});
  EXPECT_THAT(torn.err, HasSubstr("only 1 of 2 planned tests came"));
  const Captured skipped = hear("1..0 # SKIP no KVM\r\nEND", {"--tap-until", "END"});
  EXPECT_EQ(code(skipped), "exited 0");
  EXPECT_EQ(skipped.out, "TAP version 13\n1..0 # SKIP no KVM\n");
}

TEST_F(QtExpectTap, TooManyTestsFailWithoutATextToo) {
  const Captured result = hear("1..1\r\nok 1 a\r\nok 2 b\r\n", {"--tap"});
  EXPECT_EQ(code(result), "exited 1");
  EXPECT_THAT(result.err, HasSubstr("test 2 ('b') came, 1 were planned"));
  for (const char* const between : {"[    1.500000] usb 1-1: new device\r\n", "# a comment\r\n"}) {
    EXPECT_EQ(code(hear(format("1..1\r\nok 1 a\r\n{}not ok 2 b\r\n", between), {"--tap"})),
              "exited 1");
  }
  const Captured last = shell("printf '1..1\\nok 1 a\\nnot ok 2 b' | qt-expect --tap");
  EXPECT_EQ(code(last), "exited 1") << "no line end comes where the console ends";
}

TEST_F(QtExpectTap, WaitsNoLongerThanItMay) {
  const Captured none = hear_in_vain("login: ", {"--tap"});
  EXPECT_EQ(code(none), "exited 124");
  EXPECT_THAT(none.err, HasSubstr("the guest has not said anything in TAP or KTAP"));
  const Captured some = hear_in_vain("1..2\r\nnot ok 1 a\r\nok", {"--tap"});
  EXPECT_EQ(code(some), "exited 124");
  EXPECT_THAT(some.err, HasSubstr("1 of 2 planned tests have come"));
  EXPECT_THAT(some.out, HasSubstr("\nnot ok 1 a\n"));
  const Captured silent = hear("1..2\r\nok 1 a\r\n", {"--tap", "--idle-timeout", "300ms"});
  EXPECT_EQ(code(silent), "exited 124");
  EXPECT_EQ(verdict().cause, Cause::idle_timeout);
  EXPECT_EQ(code(hear_in_vain("1..1\r\nok 1 a\r\n", {"--tap-until", "END"})), "exited 124");
}

TEST_F(QtExpectTap, APanicOrTheEndOfTheMachineEndsIt) {
  const std::string panic =
      "1..2\r\nok 1 a\r\n[    2.0] Kernel panic - not syncing: x\r\nok 2 b\r\n";
  for (const Words& steps : std::vector<Words>{{"--fail-set", "linux", "--tap"},
                                               {"--tap", "--fail", "Kernel panic"},
                                               {"--tap-until", "END", "--fail", "Kernel panic"}}) {
    const Captured result = hear(panic, steps);
    EXPECT_EQ(code(result), "exited 1");
    EXPECT_THAT(result.err, HasSubstr("the failure text 'Kernel panic"));
  }
  const Captured dead = run_with(
      [](FakeGuest& guest) {
        guest.say("1..2\r\nok 1 a\r\n");
        guest.end("exited 0");
      },
      {"--tap"});
  EXPECT_EQ(code(dead), "exited 1");
  EXPECT_THAT(dead.err, HasSubstr("QEMU exited with status 0 before the guest's tests were "
                                  "complete"));
  EXPECT_THAT(dead.out, HasSubstr("ok 1 a\n"));
}

// What comes after the last test is for the steps after it.
TEST_F(QtExpectTap, AFailureTextOfTheStepIsForItsTestsOnly) {
  const Captured result =
      hear("1..1\r\nok 1 a\r\nOops\r\n", {"--tap", "--fail", "Oops", "--wait", "Oops"});
  EXPECT_EQ(code(result), "exited 0") << result.err;
}

TEST_F(QtExpectTap, ReadsColoursAndKernelsThroughStripAnsi) {
  const Captured result = hear("\x1b[1m[    1.25] KTAP version 1\x1b[0m\r\n[    1.3] 1..1\r\n"
                               "[    1.4]     1..1\r\n[    1.5]     ok 1 c\r\n[    1.6] ok 1 s\r\n",
                               {"--strip-ansi", "--tap"});
  EXPECT_EQ(code(result), "exited 0") << result.err;
  EXPECT_EQ(result.out, "TAP version 13\n1..2\nok 1 s/c\nok 2 s\n");
}

TEST_F(QtExpectTap, TheTestsOfACheckAreItsOwn) {
  const Captured result = hear("1..2\r\nnot ok 1 x\r\nok 2 x\r\n1..1\r\nok 1 check\r\n",
                               {"--check", "first", "--tap", "--check", "second", "--tap"});
  EXPECT_EQ(code(result), "exited 1");
  EXPECT_THAT(result.out, AllOf(HasSubstr("1..5\nok 1 first\nnot ok 2 first/x\n"),
                                HasSubstr("ok 3 first/x (2)\nok 4 second\nok 5 second/check\n")));
  const Captured broken =
      hear("1..2\r\nok 1 x\r\nEND 1..1\r\n1..1\r\nok 1 second\r\n",
           {"--check", "first", "--tap-until", "END", "--check", "second", "--tap"});
  EXPECT_EQ(code(broken), "exited 1"); // the first has failed, the second has run
  EXPECT_THAT(broken.out, AllOf(HasSubstr("not ok 1 first\n"), HasSubstr("ok 4 second/second")));
}

TEST_F(QtExpectTap, HostileNamesBecomeNoOtherLine) {
  std::string text = "TAP version 13\r\n";
  for (int i = 1; i <= 3000; ++i) {
    text += format("not ok {} {}\r\n", i, "\x01 # \xff<&> ok 7");
  }
  const Captured result = hear(text + "1..3000\r\n", {"--tap"});
  EXPECT_EQ(code(result), "exited 1");
  std::size_t results = 0;
  for (const std::string& line : split(result.out, '\n')) {
    results += line.starts_with("not ok ") ? 1 : 0;
    EXPECT_FALSE(line.starts_with("ok ")) << line;
  }
  EXPECT_EQ(results, 3000u);
  EXPECT_THAT(result.err, HasSubstr("3000 of 3000 checks failed"));
}

TEST_F(QtExpectTap, RefusesWhatEndsItTooEarly) {
  const Captured result = run_with([](FakeGuest&) {}, {"--tap-until", "# "});
  EXPECT_EQ(code(result), "exited 2");
  EXPECT_THAT(result.err, HasSubstr("every comment in TAP has this text"));
  EXPECT_EQ(code(run_with([](FakeGuest&) {}, {"--tap-until", ""})), "exited 2");
}

TEST_F(QtExpectTap, ReadsTheTestsOfARealShell) {
  FakeGuest guest(
      [](FakeGuest& self) {
        support::play_shell(self, {"sh", "-c", "PS1='$ ' exec dash -i"});
      },
      "default", FakeGuest::ExitChannel::no);
  const Captured result = run(
      {"--timeout", "30s", "--wait", "$ ", "--line",
       "printf 'TAP version 13\\n1..2\\n'; true && echo ok 1 - true; test 1 = 2 || echo not ok 2",
       "--tap", "--wait", "$ ", "--line", "echo $((40+2))", "--wait", "42"},
      options_for({&guest}));
  guest.finish();
  EXPECT_EQ(code(result), "exited 1") << result.err;
  EXPECT_EQ(result.out, "TAP version 13\n1..2\nok 1 true\nnot ok 2 2\n"
                        "# the guest's own test failed\n");
}

TEST_F(QtExpectTap, ReadsAPipe) {
  const Captured good = shell("printf '1..1\\nok 1 a\\n' | qt-expect --tap");
  EXPECT_EQ(code(good), "exited 0") << good.err;
  EXPECT_EQ(code(shell("printf '1..1\\nnot ok 1 a\\n' | qt-expect --tap")), "exited 1");
  EXPECT_EQ(code(shell("printf '1..2\\nok 1 a\\n' | qt-expect --tap")), "exited 1");
}

} // namespace
} // namespace qt
