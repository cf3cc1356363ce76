// Named checks of a test: one boot of a real emulator, a result for each of them.
#include "ipc/verdict.hh"
#include "tap_fixture.hh"

#include <gmock/gmock.h>

namespace qt {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class QtTapCheck : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
  }
  // A test "virt" of OpenSBI with these checks, which are TOML.
  std::string define_checks(const std::string& checks, const std::string& more = "") {
    return define("riscv64", "checks",
                  format(R"(
[test.virt]
machine = "virt"
steps = [{{ wait = "OpenSBI" }}]
{}
{})",
                         more, checks));
  }
  static std::string check(const std::string& name, const std::string& steps) {
    return format("[[test.virt.check]]\nname = \"{}\"\nsteps = [{}]\n", name, steps);
  }
  Verdict verdict() const {
    return read_verdict(output + "/riscv64/checks.virt").value_or(Verdict());
  }

  const std::string right = R"({ qmp = "query-status", returns = { running = true } })";
  const std::string wrong = R"({ qmp = "query-status", returns = { running = false } })";
};

TEST_F(QtTapCheck, OneThatFailsDoesNotStopTheNext) {
  const Captured run =
      this->run({define_checks(check("a", right) + check("b", wrong) + check("c", right))});
  EXPECT_EQ(exit_status_of(run.status.wait_status), 1);
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("1..4\n"), HasSubstr("\nok 1 virt\n"), HasSubstr("\nok 2 virt/a\n"),
                    HasSubstr("\nnot ok 3 virt/b\n"), HasSubstr("\nok 4 virt/c\n")));
  EXPECT_THAT(run.err, AllOf(HasSubstr("riscv64/checks:virt/b: assertion: "),
                             HasSubstr("step: --qmp query-status")));
  const Verdict verdict = this->verdict();
  EXPECT_EQ(verdict.cause, Cause::check);
  EXPECT_EQ(verdict.message, "1 of 3 checks failed: 'b'");
  ASSERT_EQ(verdict.checks.size(), 3U);
  EXPECT_EQ(verdict.checks[2].cause, Cause::pass);
}

TEST_F(QtTapCheck, AllThatPassAreAPass) {
  const Captured run = this->run({define_checks(check("a", right) + check("b", right))});
  EXPECT_EQ(exit_status_of(run.status.wait_status), 0);
  EXPECT_THAT(run.out, AllOf(HasSubstr("1..3\n"), Not(HasSubstr("not ok"))));
  EXPECT_EQ(verdict().cause, Cause::pass);
}

TEST_F(QtTapCheck, ADeadMachineEndsThemAll) {
  const Captured run = this->run(
      {define_checks(check("a", R"({ kill = true }, { wait = "more" })") + check("b", right))});
  EXPECT_EQ(exit_status_of(run.status.wait_status), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnot ok 1 virt\n"), HasSubstr("\nnot ok 2 virt/a\n"),
                             HasSubstr("\nnot ok 3 virt/b\n"), HasSubstr("not reached: ")));
}

TEST_F(QtTapCheck, ADeadlineEndsThemAll) {
  const Captured run = this->run({define_checks(
      check("a", R"({ wait = "no such text", timeout = "1s" })") + check("b", right))});
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnot ok 1 virt\n"), HasSubstr("\nnot ok 2 virt/a\n"),
                             HasSubstr("# timeout: not reached: timeout")));
}

TEST_F(QtTapCheck, StepsThatFailLeaveNoneOfThem) {
  const Captured run = this->run({define("riscv64", "checks", R"(
[test.virt]
machine = "virt"
steps = [{ qmp = "query-status", returns = { running = false } }]
)" + check("a", right))});
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnot ok 1 virt\n"), HasSubstr("\nnot ok 2 virt/a\n")));
}

TEST_F(QtTapCheck, TheMachineIsJudgedWhateverTheyFind) {
  const Captured run =
      this->run({define_checks(check("a", wrong), R"(output = { contains = "never said" })")});
  EXPECT_EQ(exit_status_of(run.status.wait_status), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnot ok 1 virt\n"), HasSubstr("never said"),
                             HasSubstr("\nnot ok 2 virt/a\n")));
}

TEST_F(QtTapCheck, WhatIsVerifiedAfterwardsCounts) {
  const Captured run =
      this->run({define_checks(check("a", wrong), R"(verify = [{ run = ["false"] }])")});
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnot ok 1 virt\n"), HasSubstr("\nnot ok 2 virt/a\n")));
  EXPECT_EQ(verdict().cause, Cause::assertion);
}

TEST_F(QtTapCheck, OneMaySkip) {
  const Captured run = this->run({define_checks(
      check("a", R"({ run = ["sh", "-c", "echo not here >&2; exit 77"] })") + check("b", wrong))});
  EXPECT_EQ(exit_status_of(run.status.wait_status), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nok 1 virt\n"), HasSubstr("\nok 2 virt/a # SKIP "),
                             HasSubstr("\nnot ok 3 virt/b\n")));
}

TEST_F(QtTapCheck, AFilterChoosesOne) {
  const std::string file = define_checks(check("a", wrong) + check("b", right) + check("c", wrong));
  const Captured run = this->run({"--filter", "virt/b", file});
  EXPECT_EQ(exit_status_of(run.status.wait_status), 0) << run.out << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("1..2\n"), HasSubstr("ok 2 virt/b\n")));
  EXPECT_EQ(exit_status_of(tap({"--list", "--filter", "virt/x", file}).status.wait_status), 2);
  EXPECT_THAT(tap({"--list", file}).out, HasSubstr("riscv64/checks:virt/c\t"));
  EXPECT_THAT(tap({"--list", "--select", "check:c", file}).out, HasSubstr("riscv64/checks:virt\t"));
  EXPECT_THAT(tap({"--dry-run", "--filter", "virt/b", file}).out,
              AllOf(HasSubstr(" --check b "), Not(HasSubstr(" --check a "))));
}

TEST_F(QtTapCheck, MistakesAreTold) {
  const auto mistake = [&](const std::string& checks, const std::string& more = "") {
    const Captured told = tap({"--check", define_checks(checks, more)});
    EXPECT_EQ(exit_status_of(told.status.wait_status), 2) << told.err;
    return told.err;
  };
  EXPECT_THAT(mistake(check("a", "")), HasSubstr("judges nothing"));
  EXPECT_THAT(mistake(check("a", R"({ line = "x" })")), HasSubstr("judges nothing"));
  EXPECT_THAT(mistake(check("a", right) + check("a", right)), HasSubstr("two checks 'a'"));
  EXPECT_THAT(mistake(check("a/b", right)), HasSubstr("a/b"));
  const std::string saves = R"({ qmp = "query-status", save = { s = "/status" } })";
  const std::string uses = R"({ run = ["echo", "${s}"], stdout = "running" })";
  EXPECT_THAT(mistake(check("a", saves) + check("b", uses)), HasSubstr("'a' saves"));
  EXPECT_THAT(mistake("[[test.virt.check]]\nsteps = [" + right + "]"), HasSubstr("has no name"));
  EXPECT_THAT(mistake(check("a", right) + "stepz = []\n"), HasSubstr("stepz"));
  EXPECT_THAT(mistake(check("a", right) + "[[test.virt.phase]]\n"), HasSubstr("several phases"));
}

} // namespace
} // namespace qt
