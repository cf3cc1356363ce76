#include "expect/dialogue.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "environment.hh"
#include "fake_guest.hh"
#include "loopback_socket.hh"
#include "os/file.hh"
#include "schema/tables.hh"

#include <atomic>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace qt {
namespace dialogue_test {

using namespace std::chrono_literals;
using support::FakeGuest;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// A step as a definition has it: {"wait", "login:"}, …
Step step_from(const Json& table) {
  Step step;
  for (const auto& [name, value] : table.items()) {
    if (const auto type = step_type_from(name); type && find_step_key(*type, name) != nullptr &&
                                                find_key(step_type_keys(), name) != nullptr) {
      step.type = *type;
    }
  }
  for (const auto& [name, value] : table.items()) {
    step.values[name] = normal_value(*find_step_key(step.type, name), value);
  }
  return step;
}

class DialogueTest : public testing::Test {
protected:
  DialogueResult run(const std::vector<const FakeGuest*>& guests, const std::vector<Json>& steps,
                     const Json& defaults = {{"timeout", "20s"}}) {
    Dialogue dialogue;
    dialogue.run_dir = m_folder.path();
    for (const FakeGuest* guest : guests) {
      dialogue.vms.push_back(guest->channels());
    }
    for (const Json& step : steps) {
      dialogue.steps.push_back(step_from(step));
    }
    for (const auto& [name, value] : defaults.items()) {
      dialogue.defaults[name] = normal_value(*find_key(dialogue_keys(), name), value);
    }
    return run_dialogue(dialogue);
  }
  Verdict verdict_of(FakeGuest::Script script, const std::vector<Json>& steps,
                     const Json& defaults = {{"timeout", "20s"}}) {
    FakeGuest guest(std::move(script));
    const DialogueResult result = run({&guest}, steps, defaults);
    guest.finish();
    return result.verdict;
  }
  std::string log() const { return read_file(m_folder.path() + "/dialogue.log"); }

  TempDir m_folder{"dialogue-test-"};
};

// Ends as an ordinary machine does when the dialogue is done.
void end_when_told(FakeGuest& guest) {
  EXPECT_EQ(guest.hear_request(), "done");
  guest.end("exited 0");
}

TEST_F(DialogueTest, WaitsTypesAndNeverMatchesTheEcho) {
  std::string heard;
  const Verdict verdict = verdict_of(
      [&](FakeGuest& guest) {
        guest.say("U-Boot\r\n=> ", 1);
        heard = guest.hear("\r");
        guest.say("version\r\n", 1, 1ms);
        guest.say("a version of U-Boot\r\n=> ", 2);
        end_when_told(guest);
      },
      {{{"wait", "=> "}}, {{"line", "version"}}, {{"wait", "version"}}, {{"wait", "=> "}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
  EXPECT_EQ(heard, "version\r");
  EXPECT_THAT(log(), HasSubstr("default > version\\r\n"));
  EXPECT_THAT(log(), HasSubstr("default < a version")); // the match may come before the rest
  EXPECT_THAT(log(), HasSubstr("default = => \n"));
}

TEST_F(DialogueTest, TheEchoAloneIsATimeout) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.say("# ");
        guest.echo_line();
        guest.say("# ");
      },
      {{{"wait", "# "}}, {{"line", "reboot"}}, {{"wait", "reboot"}, {"timeout", "300ms"}}});
  EXPECT_NE(verdict.cause, Cause::pass);
  EXPECT_EQ(verdict.awaited, "reboot");
}

TEST_F(DialogueTest, ATimeoutSaysWhatWasSeen) {
  FakeGuest guest([](FakeGuest& self) {
    self.say("Starting kernel ...\r\n\x1b[31mstuck\r\n");
    EXPECT_THROW(self.hear("x"), Error); // until the dialogue is over
  });
  const DialogueResult result = run({&guest}, {{{"wait", "login:"}, {"timeout", "150ms"}}});
  guest.finish();
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_EQ(result.verdict.cause, Cause::timeout);
  EXPECT_EQ(result.verdict.step, "--wait login: --timeout 150ms");
  EXPECT_EQ(result.verdict.vm, "default");
  EXPECT_THAT(result.verdict.last_lines, ElementsAre("Starting kernel ...", "\x1b[31mstuck"));
  EXPECT_THAT(result.verdict.message, HasSubstr("timed out after 150ms"));
  const auto written = read_verdict(m_folder.path());
  ASSERT_TRUE(written);
  EXPECT_EQ(written->message, result.verdict.message);
}

// The guest keeps talking for longer than the idle limit, then falls silent.
TEST_F(DialogueTest, SilenceIsTheLimitAndEveryByteRestartsIt) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.say("....................", 1, 20ms);
        guest.say("\r\nstuck here");
        EXPECT_THROW(guest.hear("x"), Error);
      },
      {{{"wait", "login:"}}}, {{"timeout", "20s"}, {"idle-timeout", "300ms"}});
  EXPECT_EQ(verdict.cause, Cause::idle_timeout);
  EXPECT_THAT(verdict.message,
              AllOf(HasSubstr("nothing came on the console for 3"),
                    HasSubstr("the idle-timeout is 300ms; the last console line is 'stuck here'")));
  EXPECT_THAT(verdict.last_lines, ElementsAre(EndsWith("...."), "stuck here"));
  EXPECT_EQ(verdict.awaited, "login:");
  EXPECT_GE(verdict.details.at("silent-seconds").get<double>(), 0.3);
  EXPECT_GE(verdict.seconds, 0.6) << "the bytes before did not count as silence";
}

TEST_F(DialogueTest, AStepHasASilenceLimitOfItsOwn) {
  FakeGuest guest([](FakeGuest& self) {
    self.say("one");
    EXPECT_THROW(self.hear("x"), Error);
  });
  const DialogueResult result =
      run({&guest}, {{{"wait", "one"}}, {{"wait", "two"}, {"idle-timeout", "150ms"}}},
          {{"timeout", "20s"}, {"idle-timeout", "1h"}});
  guest.finish();
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_EQ(result.verdict.cause, Cause::idle_timeout);
  EXPECT_THAT(result.verdict.message, HasSubstr("step 2"));
}

// A machine may be silent as long as it likes while nothing is awaited on its console.
TEST_F(DialogueTest, SilenceCountsInConsoleWaitsOnly) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.say("ready\r\n");
        guest.hear("go\r");
        guest.say("done\r\n");
        end_when_told(guest);
      },
      {{{"wait", "ready"}},
       {{"sleep", "400ms"}},
       {{"run", {"sleep", "0.4"}}},
       {{"line", "go"}},
       {{"wait", "done"}}},
      {{"timeout", "20s"}, {"idle-timeout", "250ms"}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
}

TEST_F(DialogueTest, SilenceCountsWhereOnlyFailureTextsAreAwaited) {
  FakeGuest guest([](FakeGuest& self) { EXPECT_THROW(self.hear("x"), Error); });
  const DialogueResult result =
      run({&guest}, {}, {{"fail", "panic"}, {"timeout", "20s"}, {"idle-timeout", "150ms"}});
  guest.finish();
  EXPECT_EQ(result.verdict.cause, Cause::idle_timeout) << result.verdict.message;
}

TEST_F(DialogueTest, TheMultiplierScalesDeadlinesAndNothingElse) {
  const support::ScopedVariable slow("QEMU_TEST_TIMEOUT_MULTIPLIER", "4");
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.hear("x"); // comes 200 ms after the start at the earliest
        guest.say("a");
        EXPECT_THROW(guest.hear("y"), Error);
      },
      {{{"sleep", "200ms"}, {"timeout", "60ms"}, {"mark", "slept"}, {"budget", "90ms"}},
       {{"send", "x"}},
       {{"wait", "a"}},
       {{"wait", "b"}, {"timeout", "20ms"}}},
      {{"timeout", "20s"}, {"strict-budgets", true}});
  EXPECT_EQ(verdict.cause, Cause::timeout);
  EXPECT_THAT(verdict.message,
              HasSubstr("step 4 (--wait b --timeout 20ms): timed out after 80ms (20ms with "
                        "QEMU_TEST_TIMEOUT_MULTIPLIER=4)"));
  EXPECT_GE(verdict.steps.at(0).seconds, 0.2);
  EXPECT_LT(verdict.marks.at(0).seconds, 0.36);
  EXPECT_DOUBLE_EQ(*verdict.marks.at(0).budget, 0.36);
}

TEST_F(DialogueTest, AWrongMultiplierIsAUsageError) {
  const support::ScopedVariable wrong("QEMU_TEST_TIMEOUT_MULTIPLIER", "fast");
  try {
    run({}, {{{"sleep", "1ms"}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("QEMU_TEST_TIMEOUT_MULTIPLIER: expected a number over 0"));
  }
}

TEST_F(DialogueTest, MarksAreKeptAndALateOneIsOnlyTold) {
  const DialogueResult result = run({}, {{{"sleep", "30ms"}, {"mark", "first"}, {"budget", "1ms"}},
                                         {{"sleep", "1ms"}, {"mark", "second"}, {"budget", "1h"}}});
  EXPECT_EQ(result.verdict.cause, Cause::pass);
  const auto written = read_verdict(m_folder.path());
  ASSERT_EQ(written->marks.size(), 2u);
  EXPECT_TRUE(written->marks[0].is_late());
  EXPECT_FALSE(written->marks[1].is_late());
  ASSERT_EQ(written->steps.size(), 2u);
  EXPECT_EQ(written->steps[1].step, "--sleep 1ms --mark second --budget 1h");
  EXPECT_THAT(log(), HasSubstr("# the mark 'first' came after"));
}

TEST_F(DialogueTest, AStrictBudgetEndsTheDialogue) {
  const DialogueResult result =
      run({}, {{{"sleep", "30ms"}, {"mark", "kernel"}, {"budget", "1ms"}}, {{"run", {"false"}}}},
          {{"strict-budgets", true}});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.verdict.cause, Cause::assertion);
  EXPECT_THAT(result.verdict.message,
              testing::ContainsRegex(
                  "step 1 .*: the mark 'kernel' came after [0-9]+ ms, its budget is 0.001 s"));
  EXPECT_EQ(result.verdict.steps.size(), 1u);
}

TEST_F(DialogueTest, GivenValuesAreAsIfSaved) {
  const DialogueResult result =
      run({}, {{{"run", {"printf", "%s", "${n}"}}, {"stdout", {{"equals", "a b"}}}}},
          {{"set", {{"n", "a b"}}}});
  EXPECT_EQ(result.verdict.cause, Cause::pass) << result.verdict.message;
  EXPECT_EQ(read_verdict(m_folder.path())->saved.at("n"), "a b");
}

TEST_F(DialogueTest, SearchingGoesOnWhereTheLastMatchEnded) {
  const auto script = [](FakeGuest& guest) {
    guest.say("one two one three");
    end_when_told(guest);
  };
  EXPECT_EQ(verdict_of(script, {{{"wait", "two"}}, {{"wait", "one"}}, {{"wait", "three"}}}).cause,
            Cause::pass);
  EXPECT_EQ(verdict_of([](FakeGuest& guest) { guest.say("one two"); },
                       {{{"wait", "two"}}, {{"wait", "one"}}})
                .cause,
            Cause::console_eof);
}

TEST_F(DialogueTest, AFailureTextInTheSameReadDecidesByItsPlace) {
  const Json defaults = {{"timeout", "20s"}, {"fail", {"panic", "oops!"}}};
  const auto play = [&](const std::string& text, const std::vector<Json>& steps) {
    return verdict_of([&](FakeGuest& guest) { guest.say(text); }, steps, defaults);
  };
  const Verdict before = play("panic login:", {{{"wait", "login:"}}});
  EXPECT_EQ(before.cause, Cause::fail_pattern);
  EXPECT_THAT(before.message, HasSubstr("step 1 (--wait login:): the failure text 'panic'"));
  // At the same byte.
  EXPECT_EQ(play("oops!", {{{"wait", "s!"}}}).cause, Cause::fail_pattern);
  // Behind what is awaited: the next step fails, or the end.
  EXPECT_THAT(play("login: panic", {{{"wait", "login:"}}, {{"sleep", "1ms"}}}).message,
              HasSubstr("step 2 (--sleep 1ms): the failure text"));
  EXPECT_THAT(play("login: panic", {{{"wait", "login:"}}}).message,
              HasSubstr("after the last step: the failure text"));
  // A failure text that begins inside a match is found all the same.
  EXPECT_EQ(play("login:pa", {{{"wait", "login:pa"}}}).cause, Cause::pass);
  EXPECT_EQ(play("login:panic", {{{"wait", "login:pa"}}}).cause, Cause::fail_pattern);
}

TEST_F(DialogueTest, FailureTextsAreArmedWhateverTheStep) {
  const Json defaults = {{"timeout", "20s"}, {"fail", {{{"regex", "Oops: \\d+"}}}}};
  for (const std::vector<Json>& steps : std::vector<std::vector<Json>>{
           {{{"sleep", "20s"}}},
           {{{"run", {"sleep", "20"}}}},
           {{{"qmp", "query-status"}}},
           {{{"event", "STOP"}}},
           {{{"running", "20s"}}},
           {{{"exit", 0}}},
           {{{"send", std::string(4'000'000, 'x')}}},
           {{{"interrupt", " "}, {"until", "=>"}}},
           {{{"hmp", "info status"}}},
           {{{"quit", true}}},
           {{{"line", std::string(4000, 'x')}, {"pace", "5ms"}}},
       }) {
    const Verdict verdict = verdict_of(
        [](FakeGuest& guest) {
          guest.say("Oops: 12\r", 1, 1ms);
          EXPECT_THROW(guest.hear("never"), Error);
        },
        steps, defaults);
    EXPECT_EQ(verdict.cause, Cause::fail_pattern) << verdict.message;
    EXPECT_THAT(verdict.message, HasSubstr("'Oops: 12'"));
  }
}

TEST_F(DialogueTest, FailureTextsOfAWaitHoldForItOnly) {
  const auto play = [&](const std::vector<Json>& steps) {
    return verdict_of([](FakeGuest& guest) { guest.say("a error b error c"); }, steps).cause;
  };
  EXPECT_EQ(play({{{"wait", "b"}, {"fail", "error"}}}), Cause::fail_pattern);
  EXPECT_EQ(play({{{"wait", "a"}, {"fail", "error"}}, {{"wait", "c"}}}), Cause::pass);
}

TEST_F(DialogueTest, APanicOnTheWayDownCounts) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.say("login:");
        EXPECT_EQ(guest.hear_request(), "done");
        guest.say("Kernel panic");
        guest.end("exited 0");
      },
      {{{"wait", "login:"}}}, {{"timeout", "20s"}, {"fail", "Kernel panic"}});
  EXPECT_EQ(verdict.cause, Cause::fail_pattern);
  EXPECT_THAT(verdict.message, HasSubstr("after the last step"));
}

// However long a machine takes that is to end by itself: not for 10 s, as once.
TEST_F(DialogueTest, FailureTextsAreArmedUntilTheMachineHasEnded) {
  const support::ScopedVariable fast("QEMU_TEST_TIMEOUT_MULTIPLIER", "0.02");
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.say("login:");
        EXPECT_EQ(guest.hear_request(), "done");
        std::this_thread::sleep_for(500ms);
        guest.say("Kernel panic");
        guest.end("exited 0");
      },
      {{{"wait", "login:"}}}, {{"timeout", "1000s"}, {"fail", "Kernel panic"}});
  EXPECT_EQ(verdict.cause, Cause::fail_pattern) << verdict.message;
}

TEST_F(DialogueTest, AMachineThatDoesNotEndIsATimeout) {
  const support::ScopedVariable fast("QEMU_TEST_TIMEOUT_MULTIPLIER", "0.02");
  FakeGuest guest([](FakeGuest& self) {
    self.say("login:");
    EXPECT_EQ(self.hear_request(), "done");
    EXPECT_THROW(self.hear("x"), Error); // until the dialogue is over
  });
  const DialogueResult result = run({&guest}, {{{"wait", "login:"}}}, Json::object());
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_THAT(result.verdict.message,
              HasSubstr("after the last step: timed out after 600ms (30s with"));
  EXPECT_THAT(result.verdict.message, HasSubstr("; QEMU still runs"));
  guest.give_away();
  guest.finish();
}

// It might not survive being asked to end.
TEST_F(DialogueTest, AMachineThatHasToldOfItsEndIsSaidToBeEnding) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.monitor_say(R"({"QMP": {}}{"event": "SHUTDOWN", "data": {"guest": true}})");
        EXPECT_EQ(guest.hear_request(), "ending");
        EXPECT_EQ(guest.hear_request(), "done");
        guest.end("exited 0");
      },
      {{{"event", "SHUTDOWN"}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
}

TEST_F(DialogueTest, APanicThatNobodyAwaitsFailsWheneverItIsTold) {
  const auto panic = [](FakeGuest& guest) {
    guest.tell_event("GUEST_PANICKED", {{"action", "run"}});
  };
  const Json login = {{"wait", "login:"}};
  const auto play = [&](FakeGuest::Script script, const std::vector<Json>& steps) {
    return verdict_of(std::move(script), steps);
  };
  EXPECT_EQ(play(
                [&](FakeGuest& guest) {
                  guest.say("login:");
                  EXPECT_EQ(guest.hear_request(), "done");
                  panic(guest);
                  guest.end("exited 0");
                },
                {login})
                .cause,
            Cause::guest_panic)
      << "on the way down";
  EXPECT_EQ(play(
                [&](FakeGuest& guest) {
                  panic(guest);
                  guest.say("login:");
                  EXPECT_EQ(guest.hear_request(), "done");
                  guest.end("exited 0");
                },
                {login})
                .cause,
            Cause::guest_panic)
      << "while the wait is being fulfilled";
  EXPECT_EQ(play(
                [&](FakeGuest& guest) {
                  EXPECT_EQ(guest.hear_request(), "quit");
                  panic(guest);
                  guest.end("exited 0");
                },
                {{{"quit", true}}})
                .cause,
            Cause::guest_panic)
      << "while it is asked to quit";
}

// A background program prints into the echo of what is typed; the command itself prints nothing.
TEST_F(DialogueTest, ATornEchoSatisfiesNoWait) {
  const auto script = [](const std::string& more) {
    return [more](FakeGuest& guest) {
      guest.say("# ");
      guest.hear("\r");
      guest.say("false && echo TEStick\r\nT-PAStick\r\nSED\r\n# " + more, 3);
      if (!more.empty()) {
        end_when_told(guest);
      }
    };
  };
  const std::vector<Json> steps = {{{"wait", "# "}},
                                   {{"line", "false && echo TEST-PASSED"}},
                                   {{"wait", "SED"}, {"timeout", "300ms"}}};
  EXPECT_NE(verdict_of(script(""), steps).cause, Cause::pass);
  EXPECT_THAT(log(), HasSubstr("'SED' came before the typed 'false && echo TEST-PASSED' had come"));
  EXPECT_EQ(verdict_of(script("TEST-PASSED\r\n"), steps).cause, Cause::pass);
}

TEST_F(DialogueTest, AnEchoThatDoesNotComeIsWaitedForNotLong) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.say("Password: ");
        guest.hear("\r");
        guest.say("\r\nlast login: today\r\n");
        end_when_told(guest);
      },
      {{{"wait", "Password: "}}, {{"line", "tiger"}}, {{"wait", "last login"}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
  EXPECT_THAT(log(), HasSubstr("the typed 'tiger' has not come back"));
}

// Half of what is saved is worse than none.
TEST_F(DialogueTest, ASavedGroupIsNotCutByAPause) {
  const auto play = [&](const std::string& expression) {
    const Verdict verdict = verdict_of(
        [](FakeGuest& guest) {
          guest.say("C=1");
          std::this_thread::sleep_for(400ms);
          guest.say("0");
          std::this_thread::sleep_for(400ms);
          end_when_told(guest);
        },
        {{{"wait-regex", expression}}});
    EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
    return verdict.saved;
  };
  EXPECT_EQ(play("C=(?<c>[0-9]+)").at("c"), "10");
  EXPECT_THAT(log(), HasSubstr("nothing has come for 1s: taking 'C=10'"));
}

TEST_F(DialogueTest, TheLastLinesAreShort) {
  const std::string menu = "one\r\n" + std::string(16'000, 'x') + "end\r\n\x1b[1mstuck\x1b[0m";
  const auto play = [&](const Json& defaults) {
    return verdict_of([&](FakeGuest& guest) { guest.say(menu); }, {{{"wait", "nosuch"}}}, defaults);
  };
  const Verdict raw = play({{"timeout", "20s"}});
  ASSERT_EQ(raw.last_lines.size(), 3u);
  EXPECT_EQ(raw.last_lines[1], "…" + std::string(297, 'x') + "end");
  EXPECT_EQ(raw.last_lines[2], "\x1b[1mstuck\x1b[0m");
  EXPECT_EQ(play({{"timeout", "20s"}, {"strip-ansi", true}}).last_lines.back(), "stuck");
  std::string codes;
  for (int i = 0; i < 1000; ++i) {
    codes += "\x1b[09;05H";
  }
  const Verdict drawn =
      verdict_of([&](FakeGuest& guest) { guest.say(codes + "Welcome"); }, {{{"wait", "nosuch"}}});
  EXPECT_THAT(drawn.last_lines, ElementsAre("Welcome"));
}

TEST_F(DialogueTest, TheLastBytesBeforeDeathAreStillSearched) {
  const auto script = [](FakeGuest& guest) {
    guest.tell("exited 1"); // the news overtakes the console
    guest.say("last ", 1, 2ms);
    guest.say("words", 1, 2ms);
  };
  EXPECT_EQ(verdict_of(script, {{{"wait", "last words"}}}).cause, Cause::pass);
  const Verdict verdict = verdict_of(script, {{{"wait", "more words"}}});
  EXPECT_EQ(verdict.cause, Cause::qemu_exit);
  EXPECT_THAT(verdict.message, HasSubstr("QEMU exited with status 1 before 'more words' came"));
  EXPECT_THAT(verdict.last_lines, ElementsAre("last words"));
}

TEST_F(DialogueTest, DeathByASignalIsACrashInAnyStep) {
  for (const std::vector<Json>& steps : std::vector<std::vector<Json>>{{{{"wait", "login:"}}},
                                                                       {{{"sleep", "20s"}}},
                                                                       {{{"running", "20s"}}},
                                                                       {{{"qmp", "stop"}}},
                                                                       {{{"exit", "any"}}},
                                                                       {{{"wait", "hello"}}}}) {
    const Verdict verdict = verdict_of(
        [](FakeGuest& guest) {
          guest.say("hello");
          guest.end("killed SIGSEGV");
        },
        steps);
    EXPECT_EQ(verdict.cause, Cause::qemu_crash) << verdict.message;
    EXPECT_THAT(verdict.message, HasSubstr("QEMU was killed by SIGSEGV"));
  }
}

TEST_F(DialogueTest, NamedGroupsAreSavedAndPutIntoLaterSteps) {
  std::string heard;
  const Verdict verdict = verdict_of(
      [&](FakeGuest& guest) {
        guest.say("ip=10.0.2.15\r\n# ", 3);
        heard = guest.hear("\r");
        end_when_told(guest);
      },
      {{{"wait-regex", "ip=(?<ip>[0-9.]+)"}},
       {{"line", "ping ${ip} $${ip} ${HOME}"}},
       {{"run", {"echo", "${ip}"}}, {"stdout", {{"equals", "10.0.2.15"}}}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
  EXPECT_EQ(heard, "ping 10.0.2.15 ${ip} ${HOME}\r");
}

TEST_F(DialogueTest, AnExpressionAtTheEndOfAQuietConsoleMatches) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.say("box:~# ");
        EXPECT_EQ(guest.hear_request(), "done");
        guest.end("exited 0");
      },
      {{{"wait-regex", "# +"}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
}

TEST_F(DialogueTest, KeysAreRepeatedUntilTheTextComes) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.hear("\x1b\x1b\x1b"); // a silent guest
        guest.say("=> ");
        end_when_told(guest);
      },
      {{{"interrupt", "\x1b"}, {"until", "=> "}, {"every", "5ms"}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
}

TEST_F(DialogueTest, PaceKeepsOrderAndSeveralLinesAreTyped) {
  std::string heard;
  const Verdict verdict = verdict_of(
      [&](FakeGuest& guest) {
        heard = guest.hear("two\r");
        end_when_told(guest);
      },
      {{{"line", "one\ntwo"}, {"pace", "1ms"}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
  EXPECT_EQ(heard, "one\rtwo\r");
}

TEST_F(DialogueTest, NothingTypedIsLostToAGuestThatIsSlow) {
  const std::string text(3'000'000, 'k');
  std::size_t heard = 0;
  const Verdict verdict = verdict_of(
      [&](FakeGuest& guest) {
        std::this_thread::sleep_for(50ms);
        heard = guest.hear("!").size();
        end_when_told(guest);
      },
      {{{"send", text + "!"}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
  EXPECT_EQ(heard, text.size() + 1);
}

TEST_F(DialogueTest, AGuestThatTakesNothingIsATimeoutWithACount) {
  FakeGuest guest([](FakeGuest& self) { self.hear_request(); });
  const DialogueResult result =
      run({&guest}, {{{"send", std::string(3'000'000, 'k')}, {"timeout", "200ms"}}});
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_THAT(result.verdict.message,
              HasSubstr(" of 3000000 typed bytes were not taken by the guest"));
  guest.give_away();
}

TEST_F(DialogueTest, MuchTextDuringOtherStepsIsKept) {
  const Verdict verdict = verdict_of(
      [](FakeGuest& guest) {
        guest.say("first\r\n");
        const std::string block(100'000, 'x');
        for (int i = 0; i < 60; ++i) {
          guest.say(block);
        }
        guest.say("\r\nlast\r\n");
        const Json command = guest.hear_command();
        guest.answer(command, Json::object());
        end_when_told(guest);
      },
      {{{"qmp", "cont"}}, {{"wait", "first"}}, {{"wait", "last"}}});
  EXPECT_EQ(verdict.cause, Cause::pass) << verdict.message;
}

TEST_F(DialogueTest, TwoMachinesAreToldApart) {
  FakeGuest server(
      [](FakeGuest& guest) {
        guest.say("listening\r\n");
        EXPECT_EQ(guest.hear("\r"), "serve\r");
        end_when_told(guest);
      },
      "server");
  FakeGuest client(
      [](FakeGuest& guest) {
        guest.say("connected\r\n");
        end_when_told(guest);
      },
      "client");
  const DialogueResult result =
      run({&server, &client},
          {{{"wait", "connected"}, {"vm", "client"}}, {{"wait", "listening"}}, {{"line", "serve"}}},
          {{"vm", "server"}, {"timeout", "20s"}});
  EXPECT_EQ(result.verdict.cause, Cause::pass) << result.verdict.message;
  server.finish();
  client.finish();
}

TEST_F(DialogueTest, MistakesAreFoundBeforeAnythingIsDone) {
  FakeGuest one([](FakeGuest&) {}, "one");
  FakeGuest two([](FakeGuest&) {}, "two", FakeGuest::ExitChannel::no);
  const auto mistake = [&](const Json& step, bool both = true) {
    try {
      run(both ? std::vector<const FakeGuest*>{&one, &two} : std::vector<const FakeGuest*>{&two},
          {{{"run", {"touch", m_folder.path() + "/done"}}}, step});
      return std::string("none");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return std::string(error.what());
    }
  };
  EXPECT_EQ(mistake({{"wait", "x"}}),
            "step 2 (--wait x): say which machine is meant with vm: one, two");
  EXPECT_EQ(mistake({{"wait", "x"}, {"vm", "too"}}),
            "step 2 (--wait x --vm too): there is no machine 'too'; there are: one, two");
  EXPECT_THAT(mistake({{"wait-regex", "a("}, {"vm", "one"}}), HasSubstr("'a('"));
  EXPECT_THAT(mistake({{"exit", 0}}, false),
              EndsWith("nobody tells here how the machine 'two' ends"));
  EXPECT_THAT(mistake({{"interrupt", "x"}, {"vm", "one"}}), HasSubstr("needs until"));
  EXPECT_FALSE(exists(m_folder.path() + "/done"));
}

TEST_F(DialogueTest, HostStepsNeedNoMachine) {
  write_file(m_folder.path() + "/file", "one two\n");
  const std::string file = m_folder.path() + "/file";
  const auto play = [&](const Json& step) { return run({}, {step}).verdict; };
  EXPECT_EQ(play({{"run", {"sh", "-c", "exit 3"}}, {"status", 3}}).cause, Cause::pass);
  EXPECT_EQ(play({{"run", {"sh", "-c", "exit 3"}}, {"status", "any"}}).cause, Cause::pass);
  EXPECT_EQ(play({{"run", {"sh", "-c", "echo why; exit 3"}}}).message,
            "step 1 (--run 'sh -c '\\''echo why; exit 3'\\'''): asked status 0, sh exited 3: why");
  const Verdict skip = play({{"run", {"sh", "-c", "echo no such lens; exit 77"}}});
  EXPECT_EQ(skip.cause, Cause::skip);
  EXPECT_EQ(skip.message, "no such lens");
  EXPECT_EQ(play({{"run", {"sh", "-c", "exit 77"}}, {"status", 77}}).cause, Cause::pass);
  EXPECT_EQ(play({{"run", {"sh", "-c", "exit 77"}}, {"status", 0}}).cause, Cause::assertion);
  EXPECT_EQ(play({{"run", {"echo", "a"}}, {"stdout", {{"lacks", "a"}}}}).cause, Cause::assertion);
  EXPECT_EQ(play({{"run", {"sleep", "20"}}, {"timeout", "50ms"}}).cause, Cause::timeout);
  EXPECT_EQ(
      play({{"file", file}, {"matches", "t[w]o$"}, {"lacks", "three"}, {"min-size", "8"}}).cause,
      Cause::pass);
  EXPECT_THAT(play({{"file", file}, {"min-size", "1K"}}).message,
              EndsWith("asked at least 1024 bytes, it has 8"));
  EXPECT_THAT(play({{"file", file}, {"lacks", "two"}}).message, EndsWith("'two' is in it"));
  EXPECT_THAT(play({{"file", file}, {"matches", "^two"}}).message,
              HasSubstr("nothing in it matches"));
  EXPECT_THAT(play({{"file", file + "x"}, {"lacks", "two"}}).message,
              EndsWith("there is no such file"));
  try {
    play({{"run", {"/nonexistent"}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::not_found);
    EXPECT_EQ(read_verdict(m_folder.path())->cause, Cause::host);
  }
}

TEST_F(DialogueTest, ConnectionsAreAcceptedOrRefused) {
  const support::LoopbackSocket listener;
  const std::string where = listener.where();
  const auto play = [&](const Json& step) { return run({}, {step}).verdict.cause; };
  EXPECT_EQ(play({{"tcp", where}, {"open", false}}), Cause::pass);
  EXPECT_EQ(play({{"tcp", where}}), Cause::assertion);
  EXPECT_EQ(play({{"tcp", where}, {"timeout", "150ms"}}), Cause::timeout);
  ASSERT_EQ(::listen(listener.fd(), 8), 0);
  EXPECT_EQ(play({{"tcp", where}, {"open", true}}), Cause::pass);
  EXPECT_EQ(play({{"tcp", where}, {"open", false}}), Cause::assertion);
}

// Only a refusal is one. No connection can be made to a group of hosts.
TEST_F(DialogueTest, ANetworkThatCannotBeReachedRefusesNothing) {
  const Verdict verdict =
      run({}, {{{"tcp", "224.0.0.1:9"}, {"open", false}, {"timeout", "20s"}}}).verdict;
  EXPECT_EQ(verdict.cause, Cause::assertion);
  EXPECT_THAT(verdict.message, HasSubstr("nobody has refused: connecting to 224.0.0.1:9: "));
}

// As QEMU's user network does where the guest refuses.
TEST_F(DialogueTest, AConnectionThatIsClosedAtOnceIsARefusal) {
  const support::LoopbackSocket listener;
  ASSERT_EQ(::listen(listener.fd(), 8), 0);
  const std::string where = listener.where();
  std::thread server([&listener] {
    for (int i = 0; i < 2; ++i) {
      const UniqueFd closed(::accept(listener.fd(), nullptr, nullptr));
    }
    const UniqueFd talks(::accept(listener.fd(), nullptr, nullptr));
    write_all(talks.get(), "hello", "the connection");
  });
  const auto play = [&](const Json& step) { return run({}, {step}).verdict; };
  EXPECT_EQ(play({{"tcp", where}, {"open", false}}).cause, Cause::pass);
  EXPECT_THAT(play({{"tcp", where}}).message,
              EndsWith("accepted and closed at once, without a byte"));
  EXPECT_EQ(play({{"tcp", where}}).cause, Cause::pass);
  server.join();
}

// Tried again and again, it would be held when the time is over.
TEST_F(DialogueTest, AConnectionThatIsClosedAgainAndAgainIsNeverOpen) {
  const support::LoopbackSocket listener;
  ASSERT_EQ(::listen(listener.fd(), 8), 0);
  std::atomic<bool> done = false;
  std::thread server([&] { // each a moment later
    while (!done) {
      pollfd news = {listener.fd(), POLLIN, 0};
      if (::poll(&news, 1, 10) == 1) {
        const UniqueFd closed(::accept(listener.fd(), nullptr, nullptr));
        std::this_thread::sleep_for(30ms);
      }
    }
  });
  // The deadline falls into the time in which an attempt is held.
  for (const char* timeout : {"10ms", "20ms", "150ms"}) {
    const Verdict verdict = run({}, {{{"tcp", listener.where()}, {"timeout", timeout}}}).verdict;
    EXPECT_EQ(verdict.cause, Cause::timeout) << timeout;
  }
  done = true;
  server.join();
}

TEST_F(DialogueTest, StagesOfATestAddToTheLog) {
  const auto play = [&](const std::string& stage) {
    Dialogue dialogue;
    dialogue.run_dir = m_folder.path();
    dialogue.stage = stage;
    dialogue.steps = {step_from({{"run", {"true"}}})};
    run_dialogue(dialogue);
  };
  play("prepare");
  play("verify");
  EXPECT_THAT(log(), AllOf(HasSubstr("# stage prepare\n"), HasSubstr("# stage verify\n")));
  play("");
  EXPECT_THAT(log(), Not(HasSubstr("stage")));
}

TEST_F(DialogueTest, ASignalLeavesAVerdict) {
  FakeGuest guest([](FakeGuest& self) {
    self.say("hello");
    EXPECT_THROW(self.hear("never"), Error);
  });
  std::thread killer([target = ::pthread_self()] {
    std::this_thread::sleep_for(50ms);
    ::pthread_kill(target, SIGTERM);
  });
  const DialogueResult result = run({&guest}, {{{"wait", "login:"}}});
  killer.join();
  guest.finish();
  EXPECT_EQ(result.exit_code, 143);
  EXPECT_EQ(read_verdict(m_folder.path())->message,
            "step 1 (--wait login:): ended by SIGTERM; the last console line is 'hello'");
}

} // namespace dialogue_test
} // namespace qt
