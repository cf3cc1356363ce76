// A person who stops a test (--break), looks at its machine and lets it go on: with real firmware,
// over a real terminal.
#include "base/text.hh"
#include "descendants.hh"
#include "ipc/run_dir.hh"
#include "ipc/verdict.hh"
#include "tap_fixture.hh"
#include "terminal_program.hh"

#include <gmock/gmock.h>

namespace qt {
namespace {

using support::orphans;
using support::TerminalProgram;
using support::tool;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

const std::string k_leave = "\x01x";
const std::string k_monitor = std::string("\x01") + "c";

class QtTapBreak : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-ppc") || !find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "needs qemu-system-ppc and qemu-system-riscv64";
    }
  }
  // OpenBIOS with Forth on the console. Steps 1 to 4, then `more`.
  std::string forth(const std::string& more) {
    return define("ppc", "forth", R"(
timeout = "80s"
[test.a]
machine = "g3beige"
args = ["-nographic"]
steps = [
  { wait = ">> OpenBIOS" },
  { wait = "0 > ", mark = "prompt" },
  { line = "6 7 * .", pace = "2ms" },
  { wait = "2a", mark = "answer" },
)" + more + "]\n");
  }
  Words words(Words options, const std::string& file) const {
    options.insert(options.begin(), {tool("qt-tap"), "--output", output});
    options.push_back(file);
    return options;
  }
  std::string log(const std::string& test, const std::string& name) const {
    return read_file(format("{}/{}/{}", output, test, name));
  }
  Verdict verdict(const std::string& test) const {
    return read_verdict(format("{}/{}", output, test)).value();
  }
  // Without a terminal.
  Captured refused(Words options, const std::string& file) const {
    Words all = words(std::move(options), file);
    all.insert(all.begin(), {"setsid", "-w"});
    return *run_captured(all, {}, Deadline::after(std::chrono::seconds(60)));
  }
};

TEST_F(QtTapBreak, AStepWaitsForThePersonAndThenGoesOn) {
  TerminalProgram program(words({"--break", "3"}, forth("")));
  ASSERT_TRUE(program.await("before step 3 (--line '6 7 * .' --pace 2ms); the machine 'default'"));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type("11 11 * .\r");
  ASSERT_TRUE(program.await("121"));
  program.type(k_monitor);
  ASSERT_TRUE(program.await("[monitor;"));
  program.type("info status\n");
  ASSERT_TRUE(program.await("VM status: running"));
  program.type(k_monitor);
  ASSERT_TRUE(program.await("[console]"));
  program.type(k_leave);
  ASSERT_TRUE(program.await("ok 1 a # touched by hand at step 3"));
  EXPECT_EQ(program.wait(), 0);
  const std::string dialogue = log("ppc/forth.a", "dialogue.log");
  EXPECT_THAT(dialogue, HasSubstr("# default: by hand, typed: 11 11 * .\\r"));
  EXPECT_THAT(dialogue, HasSubstr("# default: by hand, the monitor: info status"));
  EXPECT_THAT(dialogue, HasSubstr("# touched by hand at step 3"));
  ASSERT_EQ(verdict("ppc/forth.a").touched.size(), 1U);
  EXPECT_GT(verdict("ppc/forth.a").touched[0].seconds, 0);
  EXPECT_THAT(orphans(), IsEmpty());
  // It has not passed by itself.
  const Captured again = run({"--rerun", output, "--dry-run", forth("")});
  EXPECT_THAT(again.out, HasSubstr("# ppc/forth:a"));
}

TEST_F(QtTapBreak, WhatAPersonTypesSatisfiesNoWait) {
  TerminalProgram program(words({"--break", "5"}, forth("{ wait = '121', timeout = '2s' }")));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type("11 11 * .\r");
  ASSERT_TRUE(program.await("121"));
  program.type(k_leave);
  ASSERT_TRUE(program.await("not ok 1 a"));
  ASSERT_TRUE(program.await("# timeout: step 5 (--wait 121 --timeout 2s): timed out after 2s"));
  ASSERT_TRUE(program.await("# touched by hand at step 5"));
  EXPECT_EQ(program.wait(), 1);
}

// Who only looks disturbs nothing: what came meanwhile is there for the next steps.
TEST_F(QtTapBreak, WhatCameBeforeTheFirstKeyCounts) {
  TerminalProgram program(words({"--break", "prompt"}, forth("")));
  ASSERT_TRUE(program.await("before step 2 (--wait '0 > ' --mark prompt)"));
  ASSERT_TRUE(program.await("0 > "));
  program.type(k_leave);
  ASSERT_TRUE(program.await("ok 1 a # touched by hand at step 2"));
  EXPECT_EQ(program.wait(), 0);
}

TEST_F(QtTapBreak, NothingHasADeadlineWhileThePersonIsThere) {
  const std::string phases = define("riscv64", "phases", R"(
timeout = "8s"
[test.a]
machine = "virt"
[[test.a.phase]]
steps = [{ qmp = "query-version" }, { qmp = "query-status", mark = "late", budget = "8s" }]
[[test.a.phase]]
steps = [{ qmp = "query-version", timeout = "5s" }]
)");
  TerminalProgram program(words({"--strict-budgets", "--break", "1:2"}, phases));
  ASSERT_TRUE(program.await("before step 2 (--qmp query-status"));
  ASSERT_TRUE(program.await("what you type goes there"));
  ::usleep(9'000'000);
  program.type(k_leave);
  ASSERT_TRUE(program.await("ok 1 a # touched by hand at phase 1: steps: step 2"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_LT(verdict("riscv64/phases.a").seconds, 8);
  EXPECT_GT(verdict("riscv64/phases.a").touched.at(0).seconds, 8);
}

TEST_F(QtTapBreak, AFailureStaysOneWhateverThePersonDoes) {
  const std::string file = forth("{ wait = '4711', timeout = '300ms' }");
  TerminalProgram program(words({"--break", "fail"}, file));
  ASSERT_TRUE(program.await("qt-expect: step 5: timed out after 300ms; the machine 'default'"));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type("4700 11 + .\r");
  ASSERT_TRUE(program.await("4711"));
  program.type(k_leave);
  ASSERT_TRUE(program.await("not ok 1 a"));
  ASSERT_TRUE(program.await("# timeout: step 5 (--wait 4711 --timeout 300ms): timed out after"));
  EXPECT_EQ(program.wait(), 1);
  const Verdict found = verdict("ppc/forth.a");
  EXPECT_EQ(found.cause, Cause::timeout);
  EXPECT_EQ(touched_text(found), "touched by hand at step 5");
  EXPECT_THAT(join(found.last_lines, "\n"), Not(HasSubstr("4711"))); // as it was when it failed
  EXPECT_THAT(program.said(), ContainsRegex("again: [^\n]* --break fail "));
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(QtTapBreak, NobodyIsCalledWhereNothingFails) {
  TerminalProgram program(words({"--break", "fail"}, forth("")));
  ASSERT_TRUE(program.await("ok 1 a\r\n"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(verdict("ppc/forth.a").touched, IsEmpty());
}

TEST_F(QtTapBreak, AFailureTextAndAFailedCheckCallThePersonToo) {
  const std::string file = define("ppc", "checks", R"(
timeout = "80s"
[test.a]
machine = "g3beige"
args = ["-nographic"]
steps = [{ wait = "0 > " }]
[[test.a.check]]
name = "one"
steps = [{ qmp = "query-status", at = "/status", equals = "paused" }]
[[test.a.check]]
name = "two"
steps = [{ line = "6 7 * .", pace = "2ms" }, { wait = "4711", fail = ["2a"] }]
)");
  TerminalProgram program(words({"--break", "fail"}, file));
  ASSERT_TRUE(program.await("qt-expect: step 2: "));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type(k_leave);
  ASSERT_TRUE(program.await("qt-expect: step 4: the failure text '2a' appeared"));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type(k_leave);
  ASSERT_TRUE(program.await("not ok 1 a"));
  EXPECT_EQ(program.wait(), 1);
  EXPECT_EQ(verdict("ppc/checks.a").cause, Cause::fail_pattern);
  EXPECT_EQ(touched_text(verdict("ppc/checks.a")), "touched by hand at step 2, step 4");
}

TEST_F(QtTapBreak, TheMachineMayDieMeanwhile) {
  TerminalProgram program(words({"--break", "2"}, forth("")));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type(k_monitor);
  ASSERT_TRUE(program.await("[monitor;"));
  program.type("quit\n");
  program.type(k_monitor);
  ASSERT_TRUE(program.await("not ok 1 a"));
  EXPECT_EQ(program.wait(), 1);
  EXPECT_EQ(verdict("ppc/forth.a").cause, Cause::qemu_exit);
  EXPECT_THAT(verdict("ppc/forth.a").message, HasSubstr("QEMU exited with status 0"));
  EXPECT_EQ(touched_text(verdict("ppc/forth.a")), "touched by hand at step 2");
}

// At a step that is an end; at a failure, what has failed is known already.
TEST_F(QtTapBreak, AHangUpLeavesNoMachine) {
  {
    TerminalProgram program(words({"--break", "2"}, forth("")));
    ASSERT_TRUE(program.await("what you type goes there"));
    program.hang_up();
    EXPECT_EQ(program.wait(), 128 + SIGHUP);
    EXPECT_THAT(orphans(), IsEmpty());
    EXPECT_NE(verdict("ppc/forth.a").cause, Cause::pass);
  }
  TerminalProgram program(words({"--break", "fail"}, forth("{ wait = 'none', timeout = '1s' }")));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.hang_up();
  EXPECT_EQ(program.wait(), 128 + SIGHUP);
  EXPECT_THAT(orphans(), IsEmpty());
  EXPECT_EQ(verdict("ppc/forth.a").cause, Cause::timeout);
}

TEST_F(QtTapBreak, OfSeveralMachinesThatOfTheStepIsShown) {
  const std::string file = define("riscv64", "two", R"(
timeout = "80s"
[test.a]
steps = [
  { wait = "OpenSBI", vm = "left" },
  { wait = "OpenSBI", vm = "right" },
  { run = ["true"] },
]
[test.a.vm.left]
machine = "virt"
[test.a.vm.right]
machine = "virt"
)");
  TerminalProgram program(words({"--break", "2", "--break", "3"}, file));
  ASSERT_TRUE(program.await("the machine 'right' is yours"));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type(k_leave);
  ASSERT_TRUE(program.await("the machine 'left' is yours"));
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type(k_leave);
  ASSERT_TRUE(program.await("ok 1 a # touched by hand at step 2, step 3"));
  EXPECT_EQ(program.wait(), 0);
}

// Whoever attaches to a run from elsewhere and types has a hand in it, too.
TEST_F(QtTapBreak, AnybodyWhoTypesIsToldOf) {
  const std::string file = forth("{ wait = '121' }");
  Process process = Process::spawn(words({}, file), {});
  const std::string run_dir = output + "/ppc/forth.a";
  const Deadline deadline = Deadline::after(std::chrono::seconds(60));
  while (!deadline.expired() &&
         read_file_if_exists(run_dir + "/dialogue.log").value_or("").find("# step 5") ==
             std::string::npos) {
    ::usleep(10'000);
  }
  const Captured typed = *run_captured({tool("qt-expect"), "--attach", run_dir, "--pace", "2ms",
                                        "--line", "11 11 * .", "--wait", "121"},
                                       {}, Deadline::after(std::chrono::seconds(60)));
  EXPECT_EQ(exit_status_of(typed.status.wait_status), 0) << typed.err;
  EXPECT_EQ(process.wait(Deadline::after(std::chrono::seconds(60)))->code(), 0);
  EXPECT_EQ(touched_text(verdict("ppc/forth.a")), "touched by hand at step 5");
}

TEST_F(QtTapBreak, RefusesWhatCannotBe) {
  const std::string file = forth("");
  const auto expect_usage = [&](const Words& options, const std::string& message) {
    const Captured result = refused(options, file);
    EXPECT_EQ(exit_status_of(result.status.wait_status), 2) << message;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_FALSE(exists(output)) << message;
  };
  for (const Words& more : {Words{"--repeat", "2"},
                            {"--until-fail"},
                            {"--bisect"},
                            {"--retries", "1"},
                            {"--watch"},
                            {"--slice", "1/2"}}) {
    Words options = more;
    options.insert(options.end(), {"--break", "1"});
    if (more[0] != "--bisect") { // for which a mistake is a commit that cannot be judged
      expect_usage(options, "(--break): leave");
    }
  }
  expect_usage({"--break", "1", "--jobs", "2"}, "option --break: there is one terminal");
  expect_usage({"--break", "1", "--gdb"}, "option --break: there is one terminal");
  expect_usage({"--break", "1", "--list"}, "option --break is for runs");
  expect_usage({"--break", "fail", "--on-fail", "keep"}, "say one of them");
  expect_usage({"--break", "1"}, "option --break: there is no terminal");
  expect_usage({"--break", "9", "--dry-run"},
               "option --break: 'a' has no step '9'; the steps are\n   1  --wait '>> OpenBIOS'\n"
               "   2  --wait '0 > ' --mark prompt\n");
}

TEST_F(QtTapBreak, AStepIsOneOfOneSubtestAndOfItsPhase) {
  const std::string file = define("riscv64", "phases", R"(
[test.a]
machine = "virt"
[[test.a.phase]]
steps = [{ qmp = "query-version" }]
[[test.a.phase]]
steps = [{ qmp = "query-status", mark = "two" }, { qmp = "query-version" }]
[test.b]
machine = "virt"
steps = [{ qmp = "query-version" }]
)");
  const Captured unclear = refused({"--break", "1", "--dry-run"}, file);
  EXPECT_EQ(exit_status_of(unclear.status.wait_status), 2);
  EXPECT_THAT(unclear.err, HasSubstr("a step is one of one subtest, and 2 are selected"));
  const Captured phase = refused({"--filter", "a", "--break", "1", "--dry-run"}, file);
  EXPECT_EQ(exit_status_of(phase.status.wait_status), 2);
  EXPECT_THAT(phase.err, HasSubstr("say PHASE:STEP, of\nphase 1:\n   1  --qmp query-version\n"));
  for (const std::string place : {"2:1", "two", "2:two"}) {
    const Captured good = refused({"--filter", "a", "--break", place, "--dry-run"}, file);
    EXPECT_EQ(exit_status_of(good.status.wait_status), 0) << good.err;
    EXPECT_THAT(good.out, HasSubstr("--break 1 --timeout "));
    EXPECT_THAT(good.out, ContainsRegex("/phase2 [^\n]*--break 1 "));
    EXPECT_THAT(good.out, Not(ContainsRegex("/phase1 [^\n]*--break 1 ")));
  }
  const Captured all = refused({"--break", "fail", "--dry-run"}, file);
  EXPECT_EQ(exit_status_of(all.status.wait_status), 0) << all.err;
}

} // namespace
} // namespace qt
