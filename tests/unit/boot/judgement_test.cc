#include "boot/judgement.hh"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace judgement_test {

using testing::HasSubstr;

ExitStatus exited(int code) { return {code << 8}; }
ExitStatus killed(int signal) { return {signal}; }

// The facts of a run in which everything went well; each test changes what it is about.
struct Case {
  RunFacts facts;
  Expectations expected;
  std::optional<Verdict> found;

  Case() {
    facts.vm = k_default_vm;
    facts.end = QemuEnd::asked;
    facts.machine_ran = true;
    facts.program = exited(0);
    facts.program_name = "prog";
  }
  Judgement judge() const { return qt::judge(facts, expected, found); }
};

#define EXPECT_JUDGED(judgement, code, why)                                                        \
  do {                                                                                             \
    const Judgement given = (judgement);                                                           \
    EXPECT_EQ(given.status, code);                                                                 \
    ASSERT_TRUE(given.verdict.has_value());                                                        \
    EXPECT_EQ(cause_name(given.verdict->cause), cause_name(why));                                  \
  } while (false)

Verdict verdict_of(Cause cause) {
  Verdict verdict;
  verdict.cause = cause;
  verdict.step = "--wait login:";
  verdict.awaited = "login:";
  verdict.last_lines = {"kernel"};
  return verdict;
}

TEST(Judge, FailedChecksHideNothingOfTheMachine) {
  Case c;
  c.found = verdict_of(Cause::check);
  c.found->checks.resize(1);
  c.facts.program = exited(1);
  EXPECT_EQ(c.judge().status, 1); // what the program has written stands
  EXPECT_FALSE(c.judge().verdict.has_value());

  c.expected.exit = 0;
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_exit);
  EXPECT_EQ(c.judge().verdict->checks.size(), 1U);
  c.expected.exit = nullptr;

  c.facts.output_mistake = "asked of the output";
  EXPECT_JUDGED(c.judge(), 1, Cause::assertion);
  c.facts.output_mistake.clear();

  c.facts.qemu = killed(SIGSEGV);
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_crash);
}

TEST(Judge, PassesAndWritesAVerdictOnlyWhereThereIsNone) {
  Case c;
  EXPECT_JUDGED(c.judge(), 0, Cause::pass);
  EXPECT_EQ(c.judge().message, "");
  c.found = verdict_of(Cause::pass);
  EXPECT_EQ(c.judge().status, 0);
  EXPECT_FALSE(c.judge().verdict);
}

TEST(Judge, PassesTheProgramsStatusOn) {
  Case c;
  for (const auto& [status, code, cause] :
       {std::tuple(exited(1), 1, Cause::assertion), std::tuple(exited(77), 77, Cause::skip),
        std::tuple(exited(124), 124, Cause::timeout), std::tuple(exited(99), 99, Cause::host),
        std::tuple(killed(SIGSEGV), 139, Cause::host)}) {
    c.facts.program = status;
    EXPECT_JUDGED(c.judge(), code, cause);
  }
  c.found = verdict_of(Cause::fail_pattern);
  c.facts.program = exited(1);
  EXPECT_EQ(c.judge().status, 1);
  EXPECT_FALSE(c.judge().verdict);
}

TEST(Judge, ACrashFailsEvenInTeardownAndIfTheProgramPassed) {
  Case c;
  c.facts.qemu = killed(SIGSEGV);
  for (const QemuEnd end : {QemuEnd::itself, QemuEnd::asked, QemuEnd::killed, QemuEnd::forced}) {
    c.facts.end = end;
    c.found = verdict_of(Cause::pass);
    EXPECT_JUDGED(c.judge(), 1, Cause::qemu_crash);
    EXPECT_THAT(c.judge().message, HasSubstr("SIGSEGV"));
  }
}

TEST(Judge, ASignalThatWasAskedForIsNoCrash) {
  Case c;
  c.facts.qemu = killed(SIGTERM);
  c.facts.end = QemuEnd::asked;
  EXPECT_EQ(c.judge().status, 0);
  c.facts.qemu = killed(SIGKILL);
  c.facts.end = QemuEnd::killed;
  EXPECT_EQ(c.judge().status, 0);
  c.facts.end = QemuEnd::itself;
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_crash);
}

TEST(Judge, ACrashRefinesWhatTheProgramSawAndKeepsItsStep) {
  Case c;
  c.facts.qemu = killed(SIGABRT);
  c.facts.end = QemuEnd::itself;
  c.facts.ended_before_program = true;
  c.facts.program = exited(1);
  c.facts.qemu_output = "qemu: fatal: Lockup: can't escalate\nR00=0\nR01=0\nR02=0\nR03=0\n";
  c.found = verdict_of(Cause::console_eof);
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_crash);
  const Verdict verdict = *c.judge().verdict;
  EXPECT_EQ(verdict.step, "--wait login:");
  EXPECT_EQ(verdict.awaited, "login:");
  EXPECT_THAT(verdict.last_lines, testing::ElementsAre("kernel"));
  EXPECT_THAT(verdict.message, HasSubstr("fatal: Lockup"));
  EXPECT_EQ(verdict.details["ended"]["default"], "killed SIGABRT");
}

TEST(Judge, AMachineForWhichTheHostHadNoLockedMemoryIsNoCrashOfQemus) {
  Case c;
  c.facts.qemu = killed(SIGABRT);
  c.facts.end = QemuEnd::itself;
  c.facts.machine_ran = false;
  c.facts.program = exited(1);
  c.facts.qemu_output =
      "qemu: -qmp chardev:qmp: Failed to initialize io_uring: Cannot allocate memory\n";
  EXPECT_JUDGED(c.judge(), 99, Cause::host);
  EXPECT_THAT(c.judge().message, HasSubstr("ulimit -l"));
  c.facts.machine_ran = true; // it can only say this before
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_crash);
}

TEST(Judge, AFailureFoundBeforeTheCrashStaysTheCause) {
  Case c;
  c.facts.qemu = killed(SIGABRT);
  c.facts.program = exited(1);
  c.found = verdict_of(Cause::assertion);
  EXPECT_EQ(c.judge().status, 1);
  EXPECT_FALSE(c.judge().verdict);
  EXPECT_THAT(c.judge().message, HasSubstr("SIGABRT"));
}

class Refused : public testing::Test {
protected:
  Refused() {
    c.facts.qemu = exited(1);
    c.facts.end = QemuEnd::itself;
    c.facts.machine_ran = false;
    c.facts.ended_before_program = true;
    c.facts.program = exited(1);
    c.facts.qemu_output = "qemu: unsupported machine type\nUse -machine help to list them\n";
    c.found = verdict_of(Cause::console_eof);
  }
  Case c;
};

TEST_F(Refused, IsACauseOfItsOwn) {
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_refused);
  EXPECT_THAT(c.judge().message, HasSubstr("unsupported machine type"));
  EXPECT_EQ(c.judge().verdict->step, "--wait login:");
}

TEST_F(Refused, SkipsIfTheNamedMachineIsNotThere) {
  c.expected.machine_named = true;
  EXPECT_JUDGED(c.judge(), 77, Cause::skip);
}

TEST_F(Refused, SkipsIfTheOutputSaysWhatTheTestKnows) {
  c.facts.skip_text = "machine type";
  EXPECT_JUDGED(c.judge(), 77, Cause::skip);
  EXPECT_EQ(c.judge().verdict->message, "machine type");
  c.facts.skip_text.clear();
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_refused);
}

TEST_F(Refused, IsNotWhatATestAskedFor) {
  c.expected.exit = 1;
  c.facts.program = exited(0);
  c.found.reset();
  EXPECT_JUDGED(c.judge(), 0, Cause::pass);
  c.expected.exit = "any";
  EXPECT_EQ(c.judge().status, 0);
  c.expected.exit = 2;
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_refused);
}

TEST_F(Refused, IsNotWhatTheDialogueHasJudgedAndPassed) {
  c.found = verdict_of(Cause::pass);
  c.found->judged_exits[k_default_vm] = "exited 1";
  c.facts.program = exited(0);
  EXPECT_EQ(c.judge().status, 0);
  EXPECT_FALSE(c.judge().verdict);
}

TEST_F(Refused, DoesNotHideThatTheProgramCouldNotJudge) {
  c.found.reset();
  for (const int code : {2, 77, 99, 126, 127, 130}) {
    c.facts.program = exited(code);
    EXPECT_EQ(c.judge().status, code);
  }
}

TEST_F(Refused, IsNotAMachineThatRan) {
  c.facts.machine_ran = true;
  c.facts.program = exited(0);
  c.found.reset();
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_exit);
}

TEST(Judge, AnExitThatNobodyDeclaredFails) {
  Case c;
  c.facts.qemu = exited(42);
  c.facts.end = QemuEnd::itself;
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_exit);
  EXPECT_THAT(c.judge().message, HasSubstr("exited 42"));
  c.found = verdict_of(Cause::pass);
  c.found->judged_exits[k_default_vm] = "exited 42";
  EXPECT_EQ(c.judge().status, 0);
  c.found.reset();
  c.expected.exit = 42;
  EXPECT_EQ(c.judge().status, 0);
  c.expected.exit = 0;
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_exit);
}

TEST(Judge, QemuThatHadToEndByItselfAndDidNotFails) {
  Case c;
  c.expected.exit = "any";
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_exit);
  EXPECT_THAT(c.judge().message, HasSubstr("did not end by itself"));
  c.facts.exit_awaited_in_vain = true;
  EXPECT_JUDGED(c.judge(), 1, Cause::qemu_exit);
  EXPECT_THAT(c.judge().message, HasSubstr("still running"));
}

TEST(Judge, QemuThatHadToBeKilledIsATimeout) {
  Case c;
  c.facts.end = QemuEnd::forced;
  c.facts.qemu = killed(SIGKILL);
  EXPECT_JUDGED(c.judge(), 124, Cause::timeout);
}

TEST(Judge, TheDeadlineWinsOverTheProgramThatItEnded) {
  Case c;
  c.facts.timed_out = true;
  c.facts.timeout = std::chrono::seconds(3);
  c.facts.program = killed(SIGTERM);
  c.found = verdict_of(Cause::host);
  EXPECT_JUDGED(c.judge(), 124, Cause::timeout);
  EXPECT_THAT(c.judge().message, HasSubstr("3s"));
  EXPECT_EQ(c.judge().verdict->awaited, "login:");
}

TEST(Judge, ADaemonThatDiedFails) {
  Case c;
  c.facts.service_failure = "service 0 (swtpm) exited 1 while QEMU was running";
  c.facts.program = killed(SIGTERM);
  EXPECT_JUDGED(c.judge(), 1, Cause::host);
}

TEST(Judge, ASignalToUsIsTheStatusWhateverElseHappened) {
  Case c;
  c.facts.signal = SIGTERM;
  c.facts.qemu = killed(SIGKILL);
  c.facts.end = QemuEnd::forced;
  c.facts.program = killed(SIGTERM);
  EXPECT_JUDGED(c.judge(), 143, Cause::host);
  c.found = verdict_of(Cause::timeout);
  EXPECT_EQ(c.judge().status, 143);
  EXPECT_FALSE(c.judge().verdict);
}

TEST(Judge, APanicExplainsWhatTheProgramSawAsSilence) {
  Case c;
  c.facts.details["events"] = {{{"event", "GUEST_PANICKED"}, {"data", {{"action", "pause"}}}}};
  c.facts.panics_awaited = 1;
  c.found = verdict_of(Cause::pass);
  EXPECT_EQ(c.judge().status, 0) << "a test may want its guest to panic";
  c.facts.program = exited(124);
  c.found = verdict_of(Cause::timeout);
  EXPECT_JUDGED(c.judge(), 1, Cause::guest_panic);
  EXPECT_EQ(c.judge().verdict->awaited, "login:");
  c.facts.program = exited(1);
  c.found = verdict_of(Cause::assertion);
  EXPECT_JUDGED(c.judge(), 1, Cause::assertion); // the program knew better
  EXPECT_EQ(c.judge().verdict->details["events"][0]["event"], "GUEST_PANICKED");
}

TEST(Judge, APanicThatNobodyAwaitsFailsWhateverElseIsAsked) {
  Case c;
  c.facts.details["events"] = {{{"event", "GUEST_PANICKED"}, {"data", {{"action", "run"}}}}};
  c.found = verdict_of(Cause::pass);
  for (const Json& exit : {Json(), Json(0), Json("any")}) {
    c.expected.exit = exit;
    c.facts.end = exit.is_null() ? QemuEnd::asked : QemuEnd::itself;
    EXPECT_JUDGED(c.judge(), 1, Cause::guest_panic);
  }
  c.facts.program.reset();
  EXPECT_JUDGED(c.judge(), 1, Cause::guest_panic);
}

TEST(Judge, OfPanicsOnlyAsManyAreAwaitedAsTheProgramSays) {
  const auto panic = [](const Json& data) {
    return Json{{"event", "GUEST_PANICKED"}, {"data", data}};
  };
  Case c;
  c.found = verdict_of(Cause::pass);
  c.facts.panics_awaited = 1;
  c.facts.details["events"] = {panic({{"action", "run"}}), panic({{"action", "run"}})};
  EXPECT_JUDGED(c.judge(), 1, Cause::guest_panic);
  c.facts.panics_awaited = 2;
  EXPECT_EQ(c.judge().status, 0);
  // The same one, told of and found by asking.
  c.facts.panics_awaited = 1;
  c.facts.details["events"] = {panic({{"action", "pause"}}), panic({{"early", true}})};
  EXPECT_EQ(c.judge().status, 0);
}

TEST(Judge, AnUnwantedResetExplainsTheEndOfTheConsole) {
  Case c;
  c.facts.details["events"] = {{{"event", "SHUTDOWN"}, {"data", {{"reason", "guest-reset"}}}}};
  c.facts.program = exited(1);
  c.found = verdict_of(Cause::console_eof);
  EXPECT_JUDGED(c.judge(), 1, Cause::guest_reset);
  c.facts.details["events"][0]["data"]["reason"] = "host-qmp-quit";
  EXPECT_JUDGED(c.judge(), 1, Cause::console_eof);
}

TEST(Judge, QemusOutputIsLookedAtLast) {
  Case c;
  c.facts.qemu_output = "phys-bits too low (32)\n";
  EXPECT_EQ(c.judge().status, 0);
  c.facts.output_mistake = "asked of QEMU's output: lacks 'too low'";
  EXPECT_JUDGED(c.judge(), 1, Cause::assertion);
  EXPECT_THAT(c.judge().message, HasSubstr("asked of QEMU's output: lacks 'too low'"));
}

TEST(Judge, AFloodIsACauseOfItsOwn) {
  Case c;
  c.facts.flood = "the logs in /run take 2.1 GiB";
  c.facts.program = ExitStatus{SIGTERM}; // we have ended it
  c.found.reset();
  EXPECT_JUDGED(c.judge(), 1, Cause::flood);
  EXPECT_EQ(c.judge().message, "the logs in /run take 2.1 GiB");
}

TEST(Judge, TellsOfAHandOfWhichNoProgramWasTold) {
  Case c;
  c.facts.touched = true;
  EXPECT_JUDGED(c.judge(), 0, Cause::pass); // there is no program's verdict
  EXPECT_EQ(touched_text(*c.judge().verdict), "touched by hand at the end");

  c.found = verdict_of(Cause::pass); // another machine's
  EXPECT_JUDGED(c.judge(), 0, Cause::pass);
  EXPECT_EQ(touched_text(*c.judge().verdict), "touched by hand at the end");
  c.found->touched = {{"step 2"}, {"the end"}};
  EXPECT_EQ(touched_text(*c.judge().verdict), "touched by hand at step 2, the end");

  c.facts.touched = false;
  EXPECT_FALSE(c.judge().verdict.has_value());
}

TEST(Judge, NamesTheMachineIfItHasAName) {
  Case c;
  c.facts.vm = "client";
  c.facts.end = QemuEnd::itself;
  c.facts.qemu = exited(3);
  EXPECT_THAT(c.judge().message, HasSubstr("QEMU (client) exited 3"));
  EXPECT_EQ(c.judge().verdict->vm, "client");
}

} // namespace judgement_test
} // namespace qt
