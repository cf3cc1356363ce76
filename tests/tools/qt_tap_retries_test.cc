// --retries, with a real emulator: which failures are run again, and what is said of them.
#include "base/text.hh"
#include "ipc/verdict.hh"
#include "os/file.hh"
#include "tap_fixture.hh"

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace qt {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class QtTapRetries : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
  }
  // A subtest with a step that runs `command`, where $1 is a file to count in, with a check before
  // and after it.
  std::string subtest(const std::string& name, const std::string& command) const {
    return format(R"(
[test.{0}]
machine = "none"
console = false
steps = [{{ run = ["sh", "-c", """{1}""", "sh", "{2}/{0}.count"], timeout = "400ms" }}]
)",
                  name, command, folder.path());
  }
  // Passes in its second run, and in the first is late.
  std::string late() const {
    return subtest("late", "echo >> $1; test $(wc -l < $1) -gt 1 || exec sleep 60");
  }
  void forget() const {
    for (const char* const name : {"late", "wrong", "always", "good"}) {
      remove_tree(format("{}/{}.count", folder.path(), name));
    }
  }
  Verdict verdict_of(const std::string& name) const {
    return read_verdict(format("{}/riscv64/tries.{}", output, name)).value_or(Verdict());
  }
  static int status_of(const Captured& run) { return exit_status_of(run.status.wait_status); }
};

TEST_F(QtTapRetries, APassAfterATimeoutIsFlaky) {
  const std::string file = define("riscv64", "tries", late());
  const Captured once = run({file});
  EXPECT_THAT(once.out, HasSubstr("not ok 1 late\n# timeout: "));
  forget();
  const Captured run = this->run({"--retries", "2", file});
  EXPECT_EQ(status_of(run), 0);
  EXPECT_THAT(run.out, HasSubstr("\nok 1 late # flaky: passed in try 2; try 1: timeout: step 1 "));
  EXPECT_EQ(run.err, "");
  const Verdict verdict = verdict_of("late");
  EXPECT_EQ(verdict.cause, Cause::flaky);
  ASSERT_EQ(verdict.tries.size(), 1U);
  EXPECT_EQ(verdict.tries[0].cause, Cause::timeout);
  const std::string first = output + "/riscv64/tries.late/" + verdict.tries[0].directory;
  EXPECT_EQ(read_verdict(first).value_or(Verdict()).cause, Cause::timeout);
  EXPECT_THAT(read_file(first + "/base.log"), HasSubstr("again: "));
  // It is no failure for --rerun, and the next run begins anew.
  EXPECT_THAT(this->run({"--rerun", output, file}).out, HasSubstr("all of them have passed"));
  EXPECT_THAT(this->run({"--retries", "2", file}).out, HasSubstr("\nok 1 late\n"));
  EXPECT_FALSE(exists(first));
}

TEST_F(QtTapRetries, WhatTheTestFoundWrongIsNotRunAgain) {
  const std::string file =
      define("riscv64", "tries", subtest("wrong", "echo >> $1; test $(wc -l < $1) -gt 1"));
  const Captured run = this->run({"--retries", "2", file});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out, HasSubstr("\nnot ok 1 wrong\n# assertion: "));
  EXPECT_THAT(run.out, Not(HasSubstr(" tries")));
  forget();
  const Captured all = this->run({"--retries", "2", "--retry-all", file});
  EXPECT_EQ(status_of(all), 0);
  EXPECT_THAT(all.out, HasSubstr("\nok 1 wrong # flaky: passed in try 2; try 1: assertion: "));
}

TEST_F(QtTapRetries, AFailureInAllTriesSaysHowMany) {
  const std::string file = define("riscv64", "tries", subtest("always", "exec sleep 60"));
  const Captured run = this->run({"--retries", "2", file});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnot ok 1 always\n# timeout: "),
                             HasSubstr("; failed in each of 3 tries\n")));
  EXPECT_THAT(run.err, HasSubstr("; failed in each of 3 tries\n"));
  EXPECT_EQ(verdict_of("always").tries.size(), 2U);
}

// What fails is run again when the others have been run, one at a time or several.
TEST_F(QtTapRetries, EachIsRunOnceBeforeAnyIsRunAgain) {
  const std::string file =
      define("riscv64", "tries",
             late() + subtest("always", "exec sleep 60") + subtest("good", "cp $1 $1 2> $1; true"));
  for (const char* const jobs : {"1", "2", "3"}) {
    forget();
    const Captured run = this->run({"--retries", "1", "--jobs", jobs, file});
    EXPECT_THAT(run.out, AllOf(HasSubstr("1..3\nok 1 late # flaky: "), HasSubstr("\nnot ok 2 al"),
                               HasSubstr("\nok 3 good\n")));
  }
}

// The first try takes more than half of the time that there is for all.
TEST_F(QtTapRetries, ATryThatCannotFitIsNotStarted) {
  const std::string file = define("riscv64", "tries", subtest("always", "exec sleep 60"));
  const Captured run = this->run({"--retries", "5", "--timeout", "750ms", file});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("; not run again: it took "),
                             HasSubstr(" are left of the 750ms for all\n")));
  EXPECT_THAT(verdict_of("always").message, HasSubstr("; not run again: it took "));
  EXPECT_TRUE(verdict_of("always").tries.empty());
}

TEST_F(QtTapRetries, ChecksHaveTriesOfTheirOwn) {
  const std::string file = define("riscv64", "tries",
                                  R"(
[test.late]
machine = "none"
console = false
steps = [{ qmp = "query-status" }]

[[test.late.check]]
name = "good"
steps = [{ qmp = "query-version" }]

[[test.late.check]]
name = "second"
steps = [{ run = ["sh", "-c", "echo >> $1; test $(wc -l < $1) -gt 1 || exec sleep 60", "sh", ")" +
                                      folder.path() + R"(/late.count"], timeout = "400ms" }]
)");
  const Captured run = this->run({"--retries", "1", file});
  EXPECT_EQ(status_of(run), 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nok 1 late # flaky: "), HasSubstr("\nok 2 late/good\n"),
                             HasSubstr("\nok 3 late/second # flaky: passed in try 2; try 1: ")));
}

// The emulator is built anew meanwhile: a skip says nothing against the failure.
TEST_F(QtTapRetries, ASkipHidesNoFailure) {
  const std::string emulator = folder.path() + "/qemu-system-riscv64";
  write_file(emulator, "#!/bin/sh\nexec qemu-system-riscv64 \"$@\"\n");
  ASSERT_EQ(::chmod(emulator.c_str(), 0755), 0);
  const std::string file =
      define("riscv64", "tries", subtest("late", "rm " + emulator + "; exec sleep 60"));
  const Captured run = this->run({"--retries", "1", "--qemu", emulator, file});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnot ok 1 late\n# timeout: "),
                             HasSubstr("; when it was to run again, it was skipped: ")));
  EXPECT_EQ(verdict_of("late").cause, Cause::timeout);
  EXPECT_THAT(run.err, HasSubstr("tries.late/try1: base.log"));
}

TEST_F(QtTapRetries, ForABisectionWhatIsFlakyIsGood) {
  const std::string file = define("riscv64", "tries", late());
  EXPECT_EQ(status_of(run({"--bisect", file})), 1);
  forget();
  const Captured run = this->run({"--bisect", "--retries", "1", file});
  EXPECT_EQ(status_of(run), 0);
  EXPECT_THAT(run.out, HasSubstr("\nok 1 late # flaky: passed in try 2"));
}

TEST_F(QtTapRetries, TheReportTellsWhatIsFlaky) {
  const std::string file = define("riscv64", "tries", late());
  run({"--retries", "1", file});
  const std::string page = folder.path() + "/page.html";
  const std::string junit = folder.path() + "/junit.xml";
  const auto report = [](Words words) {
    words.insert(words.begin(), support::tool("qt-report"));
    return *run_captured(words, {}, Deadline::after(std::chrono::seconds(60)));
  };
  const Captured told = report({"--html", page, "--junit", junit, output});
  EXPECT_EQ(status_of(told), 0) << "it passed";
  EXPECT_THAT(told.out,
              AllOf(HasSubstr("1 subtests: 0 passed, 1 flaky, 0 failed, 0 skipped"),
                    HasSubstr("FLAKY riscv64/tries:late\n  passed in try 2; try 1: timeout: "),
                    HasSubstr("/tries.late/try1\n")));
  EXPECT_THAT(read_file(page), HasSubstr("try1/dialogue.log"));
  EXPECT_THAT(read_file(junit), AllOf(HasSubstr("failures=\"0\""), HasSubstr("<flakyFailure ")));
  EXPECT_THAT(report({"--json", output}).out,
              AllOf(HasSubstr("\"outcome\":\"flaky\""), HasSubstr("\"directory\":\"try1\"")));
  EXPECT_THAT(report({"--github", output}).out, HasSubstr("::warning file="));
  const std::string now = folder.path() + "/now";
  tap({"--output", now, file});
  const Captured compared = report({"--compare", now, output});
  EXPECT_EQ(status_of(compared), 0) << "it is told, and it passed";
  EXPECT_THAT(compared.out, HasSubstr("newly flaky: 1\n"));
  EXPECT_THAT(report({"--compare", output, now}).out, HasSubstr("no longer flaky: 1\n"));
}

TEST_F(QtTapRetries, WhatDoesNotGoTogether) {
  const std::string file = define("riscv64", "tries", late());
  const std::vector<Words> lines = {{"--retries", "0", file},
                                    {"--retry-all", file},
                                    {"--retries", "1", "--repeat", "2", file},
                                    {"--retries", "1", "--until-fail", file},
                                    {"--retries", "1", "--list", file},
                                    {"--retries", "1", "--on-fail", "keep", file},
                                    {"--retries", "1", "--gdbstub", file},
                                    {"--retries", "1", "--name", "x", "--", "true"}};
  for (const Words& line : lines) {
    const Captured run = this->run(line);
    EXPECT_EQ(status_of(run), 2) << join(line, " ") << run.err;
  }
  EXPECT_EQ(run({"--dry-run", "--retries", "1", file}).out, run({"--dry-run", file}).out);
}

} // namespace
} // namespace qt
