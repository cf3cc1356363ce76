#include "base/error.hh"
#include "expect/dialogue.hh"
#include "fake_guest.hh"
#include "schema/tables.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace qt {
namespace monitor_step_test {

using support::FakeGuest;
using testing::EndsWith;
using testing::HasSubstr;

using Values = std::initializer_list<std::pair<std::string, Json>>;

Step step_of(StepType type, const Values& values) {
  Step step;
  step.type = type;
  for (const auto& [name, value] : values) {
    step.values[name] = normal_value(*find_step_key(type, name), value);
  }
  return step;
}

DialogueResult hold(FakeGuest::Script script, std::vector<Step> steps) {
  FakeGuest guest(std::move(script));
  Dialogue dialogue;
  dialogue.vms = {guest.channels()};
  dialogue.steps = std::move(steps);
  dialogue.defaults["timeout"] = "20s";
  DialogueResult result = run_dialogue(dialogue);
  guest.finish();
  return result;
}

// One question that is answered with `result`.
Verdict ask(const Json& result, const Values& checks) {
  Step step = step_of(StepType::qmp, {{"qmp", "query-x"}});
  step.values.update(step_of(StepType::qmp, checks).values);
  return hold([&](FakeGuest& guest) { guest.answer(guest.hear_command(), result); }, {step})
      .verdict;
}

TEST(MonitorStepTest, JudgesReplies) {
  const Json reply = {{"status", "running"},
                      {"list", {{{"n", 1}, {"x", "a"}}, {{"n", 2}}}},
                      {"size", 4096},
                      {"names", {"a", "b"}}};
  const auto passes = [&](const Values& checks) {
    const Verdict verdict = ask(reply, checks);
    return verdict.cause == Cause::pass ? "" : verdict.message;
  };
  EXPECT_EQ(passes({{"returns", {{"status", "running"}}}}), "");
  EXPECT_EQ(passes({{"returns", {{"list", Json::array({{{"n", 2}}})}}}}), "");
  EXPECT_EQ(passes({{"at", "/status"}, {"equals", "running"}, {"matches", "^run"}}), "");
  EXPECT_EQ(passes({{"at", "/size"}, {"range", {1, 4096}}}), "");
  EXPECT_EQ(passes({{"at", "/names"}, {"length", 2}, {"lacks", "c"}}), "");
  EXPECT_THAT(passes({{"returns", {{"status", "paused"}}}}),
              EndsWith(R"(query-x: at '/status': asked "paused", came "running")"));
  EXPECT_THAT(passes({{"returns", {{"list", Json::array({{{"n", 3}}})}}}}),
              EndsWith(R"(at '/list': asked an element with {"n":3}, came none such)"));
  EXPECT_THAT(passes({{"returns", {{"nope", 1}}}}), EndsWith("at '/nope': asked 1, came nothing"));
  EXPECT_THAT(passes({{"at", "/list/0/y"}, {"equals", 1}}),
              EndsWith(R"(at '/list/0/y': there is only '/list/0', which is {"n":1,"x":"a"})"));
  EXPECT_THAT(passes({{"at", "/names"}, {"lacks", "b"}}), HasSubstr("'b' is not there"));
  EXPECT_THAT(passes({{"at", "/names"}, {"length", 3}}), HasSubstr("length 3 (it has 2)"));
  EXPECT_THAT(passes({{"at", "/size"}, {"range", {1, 5}}}), EndsWith("asked 1 to 5, came 4096"));
  EXPECT_THAT(passes({{"at", "/status"}, {"matches", "^x"}}), HasSubstr("a match of '^x'"));
}

TEST(MonitorStepTest, ErrorsFailUnlessAskedFor) {
  const auto refuse = [](const Values& checks) {
    Step step = step_of(StepType::qmp, {{"qmp", "x"}});
    step.values.update(step_of(StepType::qmp, checks).values);
    const Verdict verdict =
        hold(
            [](FakeGuest& guest) {
              const Json command = guest.hear_command();
              guest.monitor_say(dump_json({{"error", {{"class", "GenericError"}, {"desc", "no"}}},
                                           {"id", command["id"]}}),
                                1);
            },
            {step})
            .verdict;
    return verdict.cause == Cause::pass ? "" : verdict.message;
  };
  EXPECT_THAT(refuse({}), EndsWith("x: GenericError: no"));
  EXPECT_EQ(refuse({{"error", "GenericError"}, {"desc", "n"}}), "");
  EXPECT_THAT(refuse({{"error", "CommandNotFound"}}),
              EndsWith("asked the error CommandNotFound, came GenericError: no"));
  EXPECT_THAT(refuse({{"error", "GenericError"}, {"desc", "yes"}}), HasSubstr("'yes'"));
  EXPECT_THAT(ask(1, {{"error", "GenericError"}}).message, EndsWith("but it succeeded with 1"));
}

TEST(MonitorStepTest, SendsArgumentsAndSavesValues) {
  Json heard;
  const DialogueResult result = hold(
      [&](FakeGuest& guest) {
        guest.answer(guest.hear_command(), {{"port", 4711}, {"name", "a"}});
        heard = guest.hear_command();
        guest.answer(heard, Json::object());
      },
      {step_of(StepType::qmp, {{"qmp", "query-port"}, {"save", {{"p", "/port"}, {"n", "/name"}}}}),
       step_of(StepType::qmp, {{"qmp", "use"}, {"arguments", {{"to", "${n}:${p}"}}}})});
  EXPECT_EQ(result.verdict.cause, Cause::pass) << result.verdict.message;
  EXPECT_EQ(heard["arguments"], Json({{"to", "a:4711"}}));
}

TEST(MonitorStepTest, SavesADefaultWhereTheReplyHasNothing) {
  Json heard;
  const auto play = [&heard](const Json& saves) {
    return hold(
               [&heard](FakeGuest& guest) {
                 guest.answer(guest.hear_command(), {{"port", 4711}});
                 heard = guest.hear_command();
                 guest.answer(heard, Json::object());
               },
               {step_of(StepType::qmp, {{"qmp", "query-port"}, {"save", saves}}),
                step_of(StepType::qmp, {{"qmp", "use"}, {"arguments", {{"to", "${n}:${p}"}}}})})
        .verdict;
  };
  const Json port = {{"at", "/port"}, {"default", "1"}};
  EXPECT_EQ(play({{"p", port}, {"n", {{"at", "/name"}, {"default", "none"}}}}).cause, Cause::pass);
  EXPECT_EQ(heard["arguments"], Json({{"to", "none:4711"}}));
}

TEST(MonitorStepTest, AsksAgainUntilTheReplyIsRight) {
  int asked = 0;
  const auto answer = [&](FakeGuest& guest) {
    for (; asked < 3; ++asked) {
      guest.answer(guest.hear_command(), {{"status", asked == 2 ? "done" : "active"}});
    }
  };
  const Step step = step_of(
      StepType::qmp, {{"qmp", "query-migrate"}, {"until", {{"status", "done"}}}, {"every", "5ms"}});
  EXPECT_EQ(hold(answer, {step}).verdict.cause, Cause::pass);
  EXPECT_EQ(asked, 3);
  Step bounded = step;
  bounded.values["timeout"] = "100ms";
  const DialogueResult late = hold(
      [](FakeGuest& guest) {
        try {
          for (;;) {
            guest.answer(guest.hear_command(), {{"status", "active"}});
          }
        } catch (const Error&) { // the dialogue has given up
        }
      },
      {bounded});
  EXPECT_EQ(late.exit_code, 124);
  EXPECT_THAT(late.verdict.message, HasSubstr(R"(at '/status': asked "done", came "active")"));
  EXPECT_THAT(late.verdict.message, HasSubstr("the reply to 'query-migrate', asked "));
  EXPECT_EQ(late.verdict.details["diff"], Json({"/status", R"(  - "done")", R"(  + "active")"}));
}

TEST(MonitorStepTest, AsksTheHumanMonitor) {
  const auto play = [](const Values& checks) {
    Step step = step_of(StepType::hmp, {{"hmp", "info version"}});
    step.values.update(step_of(StepType::hmp, checks).values);
    return hold([](FakeGuest& guest) { guest.answer(guest.hear_command(), "7.2.22\r\n"); }, {step})
        .verdict;
  };
  EXPECT_EQ(
      play({{"matches", "^7\\.2\\.\\d+$"}, {"lacks", "8"}, {"save", {{"v", "(\\d+)"}}}}).cause,
      Cause::pass);
  EXPECT_EQ(play({{"matches", "^8"}}).cause, Cause::assertion);
  EXPECT_EQ(play({{"save", {{"v", "x(\\d+)"}}}}).cause, Cause::assertion);
  EXPECT_EQ(play({{"save", {{"v", {{"at", "x(\\d+)"}, {"default", "0"}}}}}}).cause, Cause::pass);
}

TEST(MonitorStepTest, AsksTheHumanMonitorAgainUntilItsTextMatches) {
  int asked = 0;
  const auto answer = [&](FakeGuest& guest) {
    for (; asked < 3; ++asked) {
      guest.answer(guest.hear_command(), format("NIP {:08x}\r\nMSR 0\r\n", asked));
    }
  };
  const Step step = step_of(StepType::hmp, {{"hmp", "info registers"},
                                            {"until", "NIP 0*2\\b"},
                                            {"every", "5ms"},
                                            {"save", {{"nip", "NIP (\\w+)"}}}});
  EXPECT_EQ(hold(answer, {step}).verdict.cause, Cause::pass);
  EXPECT_EQ(asked, 3);
  asked = 0;
  Step wrong = step; // what else is asked is judged when the text is there, and not before
  wrong.values["lacks"] = "MSR";
  EXPECT_EQ(hold(answer, {wrong}).verdict.cause, Cause::assertion);
  EXPECT_EQ(asked, 3);
  Step late = step;
  late.values["until"] = "NIP 7";
  late.values["timeout"] = "100ms";
  const DialogueResult result = hold(
      [](FakeGuest& guest) {
        try {
          for (;;) {
            guest.answer(guest.hear_command(), "NIP 1");
          }
        } catch (const Error&) { // the dialogue has given up
        }
      },
      {late});
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_THAT(result.verdict.message,
              HasSubstr(R"(was last: asked a match of 'NIP 7', came "NIP 1")"));
}

TEST(MonitorStepTest, AProgramHasTheMonitorForItself) {
  FakeGuest guest([](FakeGuest& emulator) {
    emulator.answer(emulator.hear_command(), Json::object());
    const Json own = emulator.hear_command();
    emulator.monitor_say(dump_json({{"return", "for the program"}, {"id", own["id"]}}) + "\n");
    emulator.answer(emulator.hear_command(), Json::object());
  });
  Dialogue dialogue;
  dialogue.vms = {guest.channels()};
  const std::string script = format(
      R"(echo '{{"execute": "query-own", "id": "own"}}' >&{0}; read -r reply <&{0}; echo "$reply")",
      dialogue.vms[0].qmp);
  dialogue.steps = {
      step_of(StepType::qmp, {{"qmp", "before"}}),
      step_of(StepType::run, {{"run", {"bash", "-c", script}}, {"stdout", "for the program"}}),
      step_of(StepType::qmp, {{"qmp", "behind"}})};
  dialogue.defaults["timeout"] = "20s";
  const DialogueResult result = run_dialogue(dialogue);
  guest.finish();
  EXPECT_EQ(result.verdict.cause, Cause::pass) << result.verdict.message;
}

// What QEMU tells before its reply, and what came before the step, or before an event that has been
// awaited.
TEST(MonitorStepTest, OldNewsSatisfiesNothing) {
  const auto play = [](std::vector<Step> steps) {
    steps.back().values["timeout"] = "300ms";
    const DialogueResult result = hold(
        [](FakeGuest& guest) {
          for (const char* const event : {"STOP", "RESUME", "NICE"}) {
            try {
              const Json command = guest.hear_command();
              guest.monitor_say(format(R"({{"event": "{}"}})", event));
              guest.answer(command, Json::object());
            } catch (const Error&) { // the dialogue is over
              return;
            }
          }
        },
        std::move(steps));
    return result.exit_code;
  };
  const Step ask = step_of(StepType::qmp, {{"qmp", "x"}});
  const Step stop = step_of(StepType::event, {{"event", "STOP"}});
  const Step resume = step_of(StepType::event, {{"event", "RESUME"}});
  const Step sleep = step_of(StepType::sleep, {{"sleep", "1ms"}});
  EXPECT_NE(play({ask, ask, sleep, stop}), 0);
  EXPECT_NE(play({ask, ask, stop}), 0);
  EXPECT_NE(play({ask, sleep, stop}), 0);
  EXPECT_NE(play({ask, stop, ask, resume, stop}), 0);
}

TEST(MonitorStepTest, ErrorsOfTheHumanMonitorFail) {
  const auto play = [](const std::string& line, const std::string& reply, const Values& checks) {
    Step step = step_of(StepType::hmp, {{"hmp", line}});
    step.values.update(step_of(StepType::hmp, checks).values);
    return hold([&](FakeGuest& guest) { guest.answer(guest.hear_command(), reply); }, {step})
        .verdict;
  };
  const std::string unknown = "unknown command: 'info nonsense'\r\n";
  const Verdict verdict = play("info nonsense", unknown, {});
  EXPECT_EQ(verdict.cause, Cause::assertion);
  EXPECT_THAT(verdict.message, EndsWith("info nonsense: unknown command: 'info nonsense'"));
  EXPECT_EQ(play("info nonsense", unknown, {{"save", {{"all", ".+"}}}}).cause, Cause::assertion);
  EXPECT_EQ(play("info nonsense", unknown, {{"matches", "unknown"}}).cause, Cause::pass);
  EXPECT_EQ(play("stop", "", {}).cause, Cause::pass);
}

TEST(MonitorStepTest, EventsMayHaveComeBefore) {
  const DialogueResult result = hold(
      [](FakeGuest& guest) {
        const Json command = guest.hear_command();
        guest.monitor_say(R"({"event": "RESUME", "data": {}} {"event": "STOP"})");
        guest.answer(command, Json::object());
        guest.monitor_say(R"({"event": "JOB", "data": {"id": "a", "status": "x"}})", 3);
        guest.monitor_say(R"({"event": "JOB", "data": {"id": "b", "status": "}"}})", 3);
        guest.hear_request();
      },
      {step_of(StepType::qmp, {{"qmp", "stop"}}), step_of(StepType::event, {{"event", "RESUME"}}),
       step_of(StepType::event, {{"event", "STOP"}}),
       step_of(StepType::event, {{"event", "JOB"}, {"data", {{"id", "b"}}}})});
  EXPECT_EQ(result.verdict.cause, Cause::pass) << result.verdict.message;
}

// A guest that panics before this monitor is up ends QEMU; only qt-boot has heard why, and tells it
// after the monitor has ended.
TEST(MonitorStepTest, AnEventMayComeAfterTheMonitorHasEnded) {
  const DialogueResult result = hold(
      [](FakeGuest& guest) {
        guest.hear_request(); // "events"
        guest.close_monitor();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        guest.tell_event("GUEST_PANICKED", {{"action", "poweroff"}, {"early", true}});
        guest.end("exited 0");
      },
      {step_of(StepType::event, {{"event", "GUEST_PANICKED"}})});
  EXPECT_EQ(result.verdict.cause, Cause::pass) << result.verdict.message;
}

TEST(MonitorStepTest, AMonitorThatBreaksIsNoticed) {
  const auto broken = hold(
      [](FakeGuest& guest) {
        guest.hear_command();
        guest.monitor_say(R"({"return": {"half)");
        guest.end("exited 1");
      },
      {step_of(StepType::qmp, {{"qmp", "query-status"}})});
  EXPECT_EQ(broken.verdict.cause, Cause::qemu_exit);
  EXPECT_THAT(broken.verdict.message,
              EndsWith("QEMU exited with status 1 before it answered 'query-status'; of an "
                       "unfinished message 17 bytes had come: '{\"return\": {\"half'"));
  EXPECT_THROW(hold([](FakeGuest& guest) { guest.monitor_say("HTTP/1.1 200 OK"); },
                    {step_of(StepType::qmp, {{"qmp", "query-status"}})}),
               Error);
}

TEST(MonitorStepTest, JudgesHowQemuEnds) {
  const auto play = [](const Json& wanted, const std::string& how) {
    return hold([&](FakeGuest& guest) { guest.end(how); },
                {step_of(StepType::exit, {{"exit", wanted}})})
        .verdict;
  };
  const Verdict right = play(42, "exited 42");
  EXPECT_EQ(right.cause, Cause::pass);
  EXPECT_EQ(right.judged_exits.at("default"), "exited 42");
  EXPECT_EQ(play("any", "exited 1").cause, Cause::pass);
  const Verdict wrong = play(0, "exited 1");
  EXPECT_EQ(wrong.cause, Cause::qemu_exit);
  EXPECT_THAT(wrong.message, EndsWith("asked exit status 0, QEMU exited with status 1"));
  EXPECT_EQ(play("any", "killed SIGABRT").cause, Cause::qemu_crash);
}

TEST(MonitorStepTest, EndsQemu) {
  const auto play = [](StepType type, const std::string& request, const std::string& how) {
    return hold(
               [&](FakeGuest& guest) {
                 EXPECT_EQ(guest.hear_request(), request);
                 guest.end(how);
               },
               {step_of(type, {{request, true}})})
        .verdict.cause;
  };
  EXPECT_EQ(play(StepType::quit, "quit", "exited 0"), Cause::pass);
  EXPECT_EQ(play(StepType::kill, "kill", "killed SIGKILL"), Cause::pass);
  EXPECT_EQ(play(StepType::quit, "quit", "killed SIGKILL"), Cause::qemu_exit);
  EXPECT_EQ(play(StepType::quit, "quit", "killed SIGSEGV"), Cause::qemu_crash);
}

TEST(MonitorStepTest, RunningMeansAlive) {
  const auto play = [](const char* span, FakeGuest::Script script) {
    return hold(std::move(script), {step_of(StepType::running, {{"running", span}})}).verdict.cause;
  };
  EXPECT_EQ(play("50ms",
                 [](FakeGuest& guest) {
                   guest.hear_request();
                   guest.end("exited 0");
                 }),
            Cause::pass);
  // A busy host may let the guest wait; its end is the end of the step.
  EXPECT_EQ(play("60s", [](FakeGuest& guest) { guest.end("exited 0"); }), Cause::qemu_exit);
}

Step with_timeout(Step step, const char* limit) {
  step.values["timeout"] = limit;
  return step;
}

Step wait_for(const char* text) { return step_of(StepType::wait, {{"wait", text}}); }

TEST(MonitorStepTest, SaysWhatCameInsteadOfTheReply) {
  const auto result = hold(
      [](FakeGuest& guest) {
        guest.hear_command();
        guest.monitor_say(R"({"return": {}, "id": 4711} {"return": [)");
        guest.hear_request();
      },
      {with_timeout(step_of(StepType::qmp, {{"qmp", "query-x"}}), "200ms")});
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_THAT(result.verdict.message,
              EndsWith("'query-x' was not answered; of an unfinished message 12 bytes had come: "
                       "'{\"return\": ['; 1 replies came that nobody here asked for, the last with "
                       "the id 4711"));
}

TEST(MonitorStepTest, TheVerdictShowsADiff) {
  const Verdict verdict = ask({{"a", 2}}, {{"returns", {{"a", 1}}}});
  EXPECT_EQ(verdict.details["diff"], Json({"/a", "  - 1", "  + 2"}));
  EXPECT_EQ(verdict.details["reply"]["return"], Json({{"a", 2}}));
  const Verdict large = ask({{"a", std::string(100'000, 'x')}}, {{"returns", {{"a", 1}}}});
  EXPECT_LT(dump_json(large.details).size(), 20'000u);
}

TEST(MonitorStepTest, APanicFailsAtOnce) {
  const auto panic = [](std::vector<Step> steps, const std::string& end) {
    return hold(
        [&end](FakeGuest& guest) {
          guest.say("booting\r\n");
          guest.tell_event("RESET", {{"guest", true}});
          guest.tell_event("GUEST_PANICKED", {{"action", "pause"}});
          guest.say("last words\r\n");
          if (!end.empty()) {
            guest.end(end);
          }
          guest.hear_request();
        },
        std::move(steps));
  };
  for (const char* end : {"", "exited 0"}) {
    const DialogueResult result = panic({wait_for("login:")}, end);
    EXPECT_EQ(result.verdict.cause, Cause::guest_panic);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.verdict.message, HasSubstr("the guest panicked"));
    EXPECT_EQ(result.verdict.last_lines.back(), "last words");
  }
  const Step exit = step_of(StepType::exit, {{"exit", 0}});
  EXPECT_EQ(panic({exit}, "exited 0").verdict.cause, Cause::guest_panic);
  EXPECT_EQ(panic({wait_for("last words")}, "").verdict.cause, Cause::guest_panic)
      << "the wait is fulfilled before the failure is due";
}

TEST(MonitorStepTest, APanicThatIsWantedIsNone) {
  const DialogueResult result = hold(
      [](FakeGuest& guest) {
        guest.monitor_say(R"({"QMP": {}}{"event": "GUEST_PANICKED"})");
        guest.tell_event("GUEST_PANICKED");
        guest.tell_event("SHUTDOWN", {{"reason", "guest-panic"}});
        guest.end("exited 0");
      },
      {step_of(StepType::event, {{"event", "GUEST_PANICKED"}}),
       step_of(StepType::exit, {{"exit", 0}})});
  EXPECT_EQ(result.verdict.cause, Cause::pass) << result.verdict.message;
}

TEST(MonitorStepTest, AResetDuringAWaitInVainIsItsCause) {
  const Json reset = {{"guest", true}, {"reason", "guest-reset"}};
  const DialogueResult late = hold(
      [&reset](FakeGuest& guest) {
        guest.tell_event("RESET", reset);
        guest.hear_request();
      },
      {with_timeout(wait_for("login:"), "200ms")});
  EXPECT_EQ(late.verdict.cause, Cause::guest_reset);
  EXPECT_EQ(late.exit_code, 124);
  EXPECT_THAT(late.verdict.message, HasSubstr("timed out after 200ms; the guest reset meanwhile"));
  const DialogueResult ended = hold(
      [](FakeGuest& guest) {
        guest.tell_event("SHUTDOWN", {{"guest", true}, {"reason", "guest-reset"}});
        guest.end("exited 0");
      },
      {wait_for("login:")});
  EXPECT_EQ(ended.verdict.cause, Cause::guest_reset);
  EXPECT_THAT(ended.verdict.message, HasSubstr("QEMU exited with status 0 before"));
  const DialogueResult before = hold(
      [&reset](FakeGuest& guest) {
        guest.tell_event("RESET", reset);
        guest.say("prompt");
        guest.hear_request();
      },
      {wait_for("prompt"), step_of(StepType::sleep, {{"sleep", "20ms"}}),
       with_timeout(wait_for("login:"), "200ms")});
  EXPECT_EQ(before.verdict.cause, Cause::timeout) << before.verdict.message;
}

TEST(MonitorStepTest, AMachineThatStandsStillFailsAtOnce) {
  const DialogueResult result = hold(
      [](FakeGuest& guest) {
        guest.tell_event("BLOCK_IO_ERROR", {{"action", "stop"},
                                            {"device", "ide0"},
                                            {"operation", "write"},
                                            {"reason", "No space left on device"}});
        guest.tell_event("STOP");
        guest.hear_request();
      },
      {wait_for("login:")});
  EXPECT_EQ(result.verdict.cause, Cause::host);
  EXPECT_THAT(result.verdict.message, HasSubstr("write error on ide0: No space left on device"));
}

} // namespace monitor_step_test
} // namespace qt
