// --repeat, --until-fail and --bisect, with a real emulator.
#include "base/shell_words.hh"
#include "ipc/run_dir.hh"
#include "ipc/verdict.hh"
#include "os/file.hh"
#include "tap_fixture.hh"

#include <gmock/gmock.h>
#include <set>

namespace qt {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class QtTapRepeat : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
  }
  // Fails in each third of its runs, which it counts in a file.
  std::string define_flaky() {
    const std::string count = folder.path() + "/count";
    return define("riscv64", "flaky",
                  format(R"(
[test.good]
machine = "none"
console = false
steps = [{{ qmp = "query-status" }}]

[[test.good.check]]
name = "named"
steps = [{{ qmp = "query-version" }}]

[test.third]
machine = "none"
console = false
steps = [{{ run = ["sh", "-c", 'echo >> "$1"; test $(( $(wc -l < "$1") % 3 )) != 0', "sh", "{}"] }}]
)",
                         count));
  }
  std::string define_running() {
    return define("riscv64", "running", R"(
[test.runs]
machine = "none"
console = false
steps = [{ qmp = "query-status", returns = { running = true } }]
)");
  }
  static int status_of(const Captured& run) { return exit_status_of(run.status.wait_status); }
};

TEST_F(QtTapRepeat, OneResultSaysHowOftenEachTestFailed) {
  const Captured run = this->run({"--repeat", "7", define_flaky()});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("1..3\n"), HasSubstr("\nok 1 good\n# failed 0 of 7 times"),
                    HasSubstr("\nok 2 good/named\n# failed 0 of 7 times"),
                    HasSubstr("\nnot ok 3 third\n# failed 2 of 7 times: 28.57 %"),
                    HasSubstr("\n# 2 of them: assertion: "), HasSubstr("\n# seconds: half of")));
  EXPECT_THAT(run.err, HasSubstr("riscv64/flaky:third: assertion: "));
}

TEST_F(QtTapRepeat, TheFirstFailureOfEachCauseIsKept) {
  const Captured run = this->run({"--repeat", "9", "--filter", "third", define_flaky()});
  const std::string marker = "# logs of the first: ";
  const std::size_t at = run.out.find(marker);
  ASSERT_NE(at, std::string::npos) << run.out;
  const std::size_t begin = at + marker.size();
  const std::string kept = run.out.substr(begin, run.out.find('\n', begin) - begin);
  EXPECT_EQ(read_verdict(kept).value_or(Verdict()).cause, Cause::assertion);
  EXPECT_THAT(run.err, HasSubstr("logs: " + kept + ":"));
  // They are no results of a run that comes after it.
  const std::string second = output + "/riscv64/flaky.third.2";
  EXPECT_TRUE(exists(second));
  const std::string later = output + "/riscv64/flaky.third.7";
  make_directories(later);
  this->run({"--filter", "third", define_flaky()});
  EXPECT_FALSE(exists(second));
  EXPECT_FALSE(exists(later));
}

TEST_F(QtTapRepeat, UntilOneFails) {
  const Captured run = this->run({"--until-fail", define_flaky()});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nok 1 good\n# failed 0 of 3 times"),
                             HasSubstr("\nnot ok 3 third\n# failed 1 of 3 times")));
  const Captured passes =
      this->run({"--until-fail", "--repeat", "4", "--filter", "good", define_flaky()});
  EXPECT_EQ(status_of(passes), 0);
  EXPECT_THAT(passes.out, HasSubstr("\nok 1 good\n# failed 0 of 4 times"));
}

TEST_F(QtTapRepeat, WhatIsNeverRunDoesNotGoOnForEver) {
  const std::string file = define("riscv64", "never", R"(
[test.board]
machine = "no-such-machine"
steps = [{ wait = "never" }]
[test.program]
machine = "none"
console = false
steps = [{ run = ["sh", "-c", "exit 77"] }]
)");
  for (const char* const jobs : {"1", "3"}) {
    const Captured run = this->run({"--until-fail", "--jobs", jobs, file});
    EXPECT_EQ(status_of(run), 0);
    EXPECT_THAT(run.out, HasSubstr("1..0 # SKIP "));
  }
}

TEST_F(QtTapRepeat, WithSeveralAtOnceNothingIsCountedTwice) {
  const Captured run =
      this->run({"--repeat", "12", "--jobs", "4", "--filter", "good", define_flaky()});
  EXPECT_EQ(status_of(run), 0);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nok 1 good\n# failed 0 of 12 times"),
                             HasSubstr("\nok 2 good/named\n# failed 0 of 12 times")));
}

TEST_F(QtTapRepeat, OnlyWhatHasNotPassedThere) {
  const std::string before = folder.path() + "/before";
  const std::string file = define("riscv64", "again", R"(
[test.passes]
machine = "none"
console = false
steps = [{ qmp = "query-status" }]

[test.fails]
machine = "none"
console = false
steps = [{ qmp = "query-status", returns = { running = false } }]

[test.is-skipped]
machine = "none"
console = false
requires = { commands = ["no-such-program"] }
steps = [{ qmp = "query-status" }]
)");
  EXPECT_EQ(status_of(tap({"--output", before, "--filter", "[pi]*", file})), 0);
  const Captured again = run({"--rerun", before, file});
  EXPECT_THAT(again.out, AllOf(HasSubstr("1..2\n"), HasSubstr("\nnot ok 1 fails\n"),
                               HasSubstr("\nok 2 is-skipped # SKIP")));
  EXPECT_THAT(run({"--list", "--rerun", before, file}).out, Not(HasSubstr("passes")));
  const Captured nothing = run({"--rerun", before, "--filter", "passes", file});
  EXPECT_EQ(status_of(nothing), 0);
  EXPECT_EQ(nothing.out, "TAP version 13\n1..0 # SKIP all of them have passed in " + before + "\n");
  EXPECT_EQ(status_of(run({"--rerun", folder.path() + "/none", file})), 2);
}

TEST_F(QtTapRepeat, WhatFailedInOneRoundHasNotPassed) {
  const std::string before = folder.path() + "/before";
  // Each counts its rounds in a file: "first" fails in the first, "named/second" in the second.
  const std::string file = define("riscv64", "rounds",
                                  format(R"(
[template.counted]
machine = "none"
console = false
params = {{ name = "", bad = "" }}
steps = [{{ run = ["sh", "-c", 'echo >> "$1"; test $(wc -l < "$1") != $2', "sh", "{0}/${{params.name}}", "${{params.bad}}"] }}]

[test.first]
template = "counted"
params = {{ name = "first", bad = "1" }}

[test.second]
template = "counted"
params = {{ name = "second", bad = "2" }}

[test.named]
machine = "none"
console = false
steps = [{{ qmp = "query-status" }}]

[[test.named.check]]
name = "first"
steps = [{{ run = ["sh", "-c", 'echo >> "$1"; test $(wc -l < "$1") != 1', "sh", "{0}/a"] }}]

[[test.named.check]]
name = "second"
steps = [{{ run = ["sh", "-c", 'test $(wc -l < "$1") != 2', "sh", "{0}/a"] }}]
)",
                                         folder.path()));
  EXPECT_EQ(status_of(tap({"--output", before, "--repeat", "3", file})), 1);
  const Captured again = run({"--rerun", before, "--list", file});
  EXPECT_THAT(again.out, AllOf(HasSubstr("rounds:first\t"), HasSubstr("rounds:second\t"),
                               HasSubstr("rounds:named")));
  // Of both checks the first failure is kept.
  std::set<std::string> failed;
  std::vector<std::string> folders = repetitions_of(before + "/riscv64/rounds.named");
  folders.push_back(before + "/riscv64/rounds.named");
  for (const std::string& name : folders) {
    for (const CheckResult& check : read_verdict(name).value_or(Verdict()).checks) {
      if (is_failure(check.cause)) {
        failed.insert(check.name);
      }
    }
  }
  EXPECT_THAT(failed, testing::ElementsAre("first", "second"));
}

TEST_F(QtTapRepeat, ACheckThatWasNotRunHasNotPassed) {
  const std::string file = define("riscv64", "named", R"(
[test.all]
machine = "none"
console = false
steps = [{ qmp = "query-status" }]

[[test.all.check]]
name = "good"
steps = [{ qmp = "query-version" }]

[[test.all.check]]
name = "bad"
steps = [{ qmp = "query-status", returns = { running = false } }]
)");
  const std::string before = folder.path() + "/before";
  EXPECT_EQ(status_of(tap({"--output", before, file})), 1);
  EXPECT_EQ(status_of(tap({"--output", before, "--filter", "all/good", file})), 0);
  EXPECT_THAT(run({"--rerun", before, file}).out, HasSubstr("not ok 3 all/bad\n"));
}

TEST_F(QtTapRepeat, WhatCannotBeRepeated) {
  const std::string file = define_flaky();
  const std::vector<std::vector<std::string>> lines = {{"--repeat", "0", file},
                                                       {"--repeat", "many", file},
                                                       {"--repeat", "2", "--list", file},
                                                       {"--until-fail", "--on-fail", "shell", file},
                                                       {"--repeat", "2", "--gdb", file}};
  for (const std::vector<std::string>& line : lines) {
    const Captured run = this->run(line);
    EXPECT_EQ(status_of(run), 2) << run.err;
  }
}

TEST_F(QtTapRepeat, ABisectionKnowsGoodBadAndNeither) {
  const std::string file = define_running();
  EXPECT_EQ(status_of(run({"--bisect", file})), 0);
  EXPECT_EQ(status_of(run({"--bisect", file, "--", "-S"})), 1);
  EXPECT_EQ(status_of(run({"--bisect", "--qemu", folder.path() + "/none", file})), 125);
  EXPECT_EQ(status_of(run({"--bisect", "--no-such-option", file})), 125);
  EXPECT_EQ(status_of(run({"--bisect", folder.path() + "/none.toml"})), 125);
  EXPECT_EQ(status_of(run({"--bisect", define("riscv64", "wrong", "[test.a]\nsteps = 5\n")})), 125);
}

// Ten emulators, of which the fourth cannot be started, and which are wrong from the seventh on.
TEST_F(QtTapRepeat, ABisectionFindsTheCommit) {
  if (!find_program("git")) {
    GTEST_SKIP() << "no git on this host";
  }
  const std::string file = define_running();
  const std::string script =
      format(R"(
set -e
export HOME="$PWD" GIT_CONFIG_NOSYSTEM=1
git init -q history
cd history
git config user.email nobody@localhost
git config user.name nobody
for i in 1 2 3 4 5 6 7 8 9 10; do
  stopped=; test $i -lt 7 || stopped=-S
  printf '#!/bin/sh\n# %s\nexec qemu-system-riscv64 "$@" %s\n' $i "$stopped" > qemu-system-riscv64
  chmod +x qemu-system-riscv64
  test $i != 4 || echo no program > qemu-system-riscv64
  git add -A
  git commit -q -m "emulator $i"
  git tag v$i
done
git bisect start v10 v1
git bisect run {} --bisect --repeat 2 --qemu "$PWD/qemu-system-riscv64" --output {} {}
git show -s --format='found: %s' refs/bisect/bad
)",
             shell_quote(support::tool("qt-tap")), shell_quote(output), shell_quote(file));
  const std::optional<Captured> run = run_captured(
      {"sh", "-c", format("cd {} && {{ {}\n}} 2>&1", shell_quote(folder.path()), script)}, {},
      Deadline::never());
  ASSERT_TRUE(run);
  EXPECT_THAT(run->out, HasSubstr("found: emulator 7\n"));
}

} // namespace
} // namespace qt
