// qt-tap as a process: with the other programs and real emulators behind it, and with commands.
#include "base/error.hh"
#include "base/format.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "environment.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "os/process.hh"
#include "tap_fixture.hh"

#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace {

using support::ScopedVariable;
using support::tool;
using testing::Contains;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;
using namespace std::chrono_literals;

bool has_emulator(const std::string& arch) {
  return find_program("qemu-system-" + arch).has_value();
}

#define NEED_EMULATOR(arch)                                                                        \
  do {                                                                                             \
    if (!has_emulator(arch)) {                                                                     \
      GTEST_SKIP() << "no qemu-system-" << (arch) << " on this host";                              \
    }                                                                                              \
  } while (false)

class QtTap : public support::TapFixture {};

int code_of(const Captured& captured) { return exit_status_of(captured.status.wait_status); }

constexpr const char* k_the_first_hangs = R"(
[test.first]
machine = "virt"
steps = [{ wait = "no such text" }]
[test.second]
machine = "virt"
steps = [{ wait = "OpenSBI" }]
)";

constexpr const char* k_opensbi = R"(
summary = "OpenSBI starts"
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }, { wait = "Boot HART" }]
)";

// --- real machines

TEST_F(QtTap, AMachineBoots) {
  NEED_EMULATOR("riscv64");
  const Captured passed = run({define("riscv64", "opensbi", k_opensbi)});
  EXPECT_EQ(passed.out, "TAP version 13\n1..1\nok 1 virt\n");
  EXPECT_EQ(passed.err, "");
  EXPECT_EQ(code_of(passed), 0);
  const std::string run_dir = output + "/riscv64/opensbi.virt";
  EXPECT_THAT(read_file(run_dir + "/console.log"), HasSubstr("OpenSBI"));
  EXPECT_THAT(read_file(run_dir + "/base.log"), HasSubstr("qt-tap: subtest virt of"));
  EXPECT_EQ(read_verdict(run_dir)->cause, Cause::pass);
  EXPECT_FALSE(exists(run_dir + "/scratch"));
}

TEST_F(QtTap, TheConsoleOfAPcBootsToo) {
  NEED_EMULATOR("x86_64");
  const Captured passed = run({define("x86_64", "seabios", R"(
[test.pc]
machine = "pc,graphics=off"
args = ["-net", "none"]
steps = [{ wait = "SeaBIOS (version " }]
)")});
  EXPECT_EQ(passed.out, "TAP version 13\n1..1\nok 1 pc\n") << passed.err;
}

TEST_F(QtTap, AFailureIsExplainedInFull) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "never", R"(
[test.bad]
matrix = { word = ["it's,no"] }
machine = "virt"
steps = [{ wait = "OpenSBI" }, { wait = "no such ${word}", timeout = "300ms" }]
[test.good]
machine = "virt"
steps = [{ wait = "OpenSBI" }]
)");
  const Captured failed = run({file});
  EXPECT_EQ(code_of(failed), 1);
  EXPECT_THAT(failed.out, StartsWith("TAP version 13\n1..2\nnot ok 1 "));
  EXPECT_THAT(failed.out, ContainsRegex("\n# timeout: .*\n# logs: /.*\nok 2 good\n$"));
  EXPECT_THAT(failed.err, ContainsRegex("^qt-tap: error: riscv64/never:.*: timeout: "));
  EXPECT_THAT(failed.err, HasSubstr("awaited: no such it's,no\n"));
  EXPECT_THAT(failed.err, HasSubstr("console, last lines:\n  | "));
  EXPECT_THAT(failed.err, HasSubstr(output + "/riscv64/never."));
  EXPECT_LE(split(failed.err, '\n').size(), 60U);

  // The command that it shows runs that subtest, and only that.
  const std::size_t again = failed.err.find("again: ");
  ASSERT_NE(again, std::string::npos);
  const std::string line = failed.err.substr(again + 7, failed.err.find('\n', again) - again - 7);
  const Captured repeated = *run_captured({"sh", "-c", line}, {}, Deadline::after(60s));
  EXPECT_THAT(repeated.out, StartsWith("TAP version 13\n1..1\nnot ok 1 ")) << line;
  EXPECT_EQ(code_of(repeated), 1);
}

TEST_F(QtTap, UnderMesonACompleteStreamIsExitZero) {
  const std::string file = define("riscv64", "host", R"(
[test.bad]
steps = [{ run = ["false"] }]
)");
  const Captured told = run({"--under-meson", file});
  EXPECT_THAT(told.out, HasSubstr("\nnot ok 1 bad\n"));
  EXPECT_EQ(code_of(told), 0);
  EXPECT_EQ(code_of(tap({"--under-meson", "--name", "bad", "--", "false"})), 0);

  const ScopedVariable meson("MESON_TEST_ITERATION", "3");
  EXPECT_EQ(code_of(run({file})), 0);
  EXPECT_TRUE(exists(output + "/riscv64/host.bad.3/base.log"));
}

// Meson before 1.5 does not say which repetition it is; all are its children.
TEST_F(QtTap, RepetitionsThatNobodyCountsHaveTheirOwnFolders) {
  const std::string file = define("riscv64", "host", R"(
[test.good]
steps = [{ run = ["true"] }]
)");
  const std::string words =
      shell_join(Words{tool("qt-tap"), "--under-meson", "--output", output, file});
  const std::string first = output + "/riscv64/host.good";
  const auto repeat = [&] {
    return code_of(*run_captured({"sh", "-c", format("{0} && {0} && {0}; exit", words)}, {},
                                 Deadline::after(60s)));
  };
  EXPECT_EQ(repeat(), 0);
  EXPECT_TRUE(exists(first + "/base.log"));
  EXPECT_TRUE(exists(first + ".2/base.log"));
  EXPECT_TRUE(exists(first + ".3/base.log"));
  EXPECT_FALSE(exists(first + ".4"));
  EXPECT_EQ(repeat(), 0) << "another parent";
  EXPECT_FALSE(exists(first + ".4"));
}

TEST_F(QtTap, CausesAreToldApart) {
  NEED_EMULATOR("riscv64");
  struct Case {
    const char* name;
    const char* keys;
    const char* cause;
  };
  const std::vector<Case> cases = {
      {"pattern", R"(fail = ["Boot HART"]
steps = [{ wait = "no such text", timeout = "20s" }])",
       "fail-pattern"},
      {"refused", R"(args = ["-no-such-option"]
steps = [{ wait = "x" }])",
       "qemu-refused"},
      {"assertion", R"(steps = [{ qmp = "query-status", returns = { status = "paused" } }])",
       "assertion"},
      {"time", R"(steps = [{ wait = "no such text", timeout = "200ms" }])", "timeout"},
      {"ends", R"(steps = [{ wait = "OpenSBI" }, { kill = true }, { wait = "more" }])",
       "console-eof"},
      {"host", R"(steps = [{ wait = "OpenSBI" }]
verify = [{ run = ["false"] }])",
       "assertion"},
  };
  std::string text;
  for (const Case& entry : cases) {
    text += format("[test.{}]\nmachine = \"virt\"\n{}\n", entry.name, entry.keys);
  }
  const std::string file = define("riscv64", "causes", text);
  const Captured failed = run({file});
  EXPECT_EQ(code_of(failed), 1);
  for (const Case& entry : cases) {
    EXPECT_THAT(failed.out,
                ContainsRegex(format("not ok [0-9] {}\n# {}: ", entry.name, entry.cause)));
    const auto verdict = read_verdict(output + "/riscv64/causes." + entry.name);
    ASSERT_TRUE(verdict) << entry.name;
    EXPECT_EQ(cause_name(verdict->cause), entry.cause) << entry.name;
  }
}

TEST_F(QtTap, TheDeadlineEndsItWithEvidence) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "late", k_the_first_hangs);
  const Captured late = run({"--timeout", "1500ms", file});
  EXPECT_EQ(code_of(late), 1);
  EXPECT_THAT(late.out, ContainsRegex("not ok 1 first\n# timeout: "));
  const auto verdict = read_verdict(output + "/riscv64/late.first");
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->awaited, "no such text"); // the dialogue's own deadline came first
}

TEST_F(QtTap, ATestHasItsOwnDeadline) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "own", R"(
[test.late]
machine = "virt"
timeout = "400ms"
steps = [{ wait = "no such text" }]
[test.silent]
machine = "virt"
idle-timeout = "400ms"
steps = [{ wait = "no such text" }]
[test.stays]
machine = "virt"
timeout = "400ms"
exit = 0
[test.step]
machine = "virt"
steps = [{ wait = "no such text", timeout = "300ms" }]
)");
  const Captured late = run({file}); // by itself it would be the default deadline, 90 s
  EXPECT_THAT(late.out, ContainsRegex("not ok 1 late\n# timeout: .*400ms .the whole dialogue"));
  EXPECT_THAT(late.out, ContainsRegex("not ok 2 silent\n# idle-timeout: "));
  EXPECT_THAT(late.out, ContainsRegex("not ok 3 stays\n# timeout: .*400ms"));
  EXPECT_THAT(late.out, ContainsRegex("not ok 4 step\n# timeout: .*300ms"));
  EXPECT_THAT(late.err, Not(HasSubstr("limit: ")));
  EXPECT_THAT(
      late.err,
      ContainsRegex("again: .*QEMU_TEST_CACHE_DIR=.* .*qt-tap.? --output .* --filter late"));
  EXPECT_THAT(run({"--timeout", "none", "--filter", "late", file}).err,
              HasSubstr("--timeout none --filter late"));
}

TEST_F(QtTap, AFileHasOneTimeForItsSubtests) {
  const std::string one = define("riscv64", "one", R"(
timeout = "600ms"
[test.a]
steps = [{ sleep = "100ms" }, { run = ["true"] }]
[test.b]
steps = [{ sleep = "100s" }, { run = ["true"] }]
[test.c]
steps = [{ sleep = "100s" }, { run = ["true"] }]
)");
  const std::string other = define("riscv64", "other", R"(
[test.a]
steps = [{ sleep = "10ms" }, { run = ["true"] }]
)");
  const Captured late = run({one, other});
  EXPECT_THAT(late.out, ContainsRegex("\nok 1 riscv64/one:a\nnot ok 2 riscv64/one:b\n# timeout: "));
  EXPECT_THAT(late.out, ContainsRegex("\nnot ok 3 riscv64/one:c\n# timeout: "));
  EXPECT_THAT(late.out, HasSubstr("\nok 4 riscv64/other:a\n"));
  EXPECT_THAT(late.err, HasSubstr("limit: 600ms for all of one.toml, unless it or --timeout"));
  EXPECT_THAT(late.err, Not(HasSubstr("again: .*--timeout")));
  const Captured longer = run({"--timeout", "700ms", "--filter", "b", one});
  EXPECT_THAT(longer.err, Not(HasSubstr("limit: ")));
  EXPECT_THAT(longer.err, HasSubstr(" --timeout 700ms "));
  EXPECT_EQ(
      code_of(run({"--check", define("riscv64", "wrong", "timeout = 5\n[test.a]\nexit = 0\n")})),
      2);
}

TEST_F(QtTap, DeadlinesAreMultipliedOnce) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "slow", R"(
[test.late]
machine = "virt"
timeout = "40s"
steps = [{ wait = "no such text" }]
)");
  const ScopedVariable fast("QEMU_TEST_TIMEOUT_MULTIPLIER", "0.05");
  const Captured late = run({file});
  EXPECT_THAT(late.out, HasSubstr("2s (40s with QEMU_TEST_TIMEOUT_MULTIPLIER=0.05)"));
  const Captured default_deadline = run({define("riscv64", "none", R"(
[test.late]
machine = "virt"
steps = [{ wait = "no such text" }]
)")});
  // 81 s on a host that takes no time to begin
  EXPECT_THAT(default_deadline.out,
              ContainsRegex("[^0-9](4050|40[0-4][0-9]|3[0-9]{3})ms \\([78][0-9]+m?s with "
                            "QEMU_TEST_TIMEOUT_MULTIPLIER=0.05"));
  EXPECT_THAT(read_file(output + "/riscv64/none.late/base.log"),
              ContainsRegex("--timeout [78][0-9]+m?s "));
  EXPECT_THAT(default_deadline.err,
              HasSubstr("limit: 90s for all of none.toml, unless it or --timeout"));
  EXPECT_THAT(late.err, Not(HasSubstr("limit: ")));
  EXPECT_THAT(tap({"--name", "n", "--timeout", "20s", "--", "sleep", "50"}).out,
              HasSubstr("still running after 1s (20s with"));
}

TEST_F(QtTap, MarksAreTold) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "marks", R"(
[test.boot]
machine = "virt"
steps = [{ wait = "OpenSBI", mark = "firmware" }, { wait = "Boot HART", mark = "banner", budget = "1ms" }, { running = "20ms", mark = "rest", budget = "10ms" }]
)");
  const Captured told = run({file});
  EXPECT_EQ(code_of(told), 0) << told.err;
  EXPECT_THAT(told.out, ContainsRegex("ok 1 boot\n# marks: firmware [0-9.]+ m?s, banner [^,]*, "
                                      "rest [^,]* \\(over its budget of 0.01 s\\)\n"));
  const Captured strict = run({"--strict-budgets", file});
  EXPECT_EQ(code_of(strict), 1);
  EXPECT_THAT(strict.out, ContainsRegex("not ok 1 boot\n# assertion: .*its budget is .*\n"
                                        "# marks: firmware"));
  EXPECT_THAT(strict.err, HasSubstr(" --strict-budgets "));
}

TEST_F(QtTap, WhatAStageSavesIsKnownToTheNext) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "saved", R"toml(
[test.memory]
prepare = [{ run = ["echo", "size 192 MiB; it's ${arch}"], save = { size = "size ([0-9]+)", what = "(it's .*)" } }]
machine = "virt"
args = ["-m", "${size}M"]
steps = [{ qmp = "query-memory-size-summary", save = { bytes = "/base-memory" } }, { run = ["test", "${bytes}", "=", "201326592"] }, { run = ["test", "${what}", "=", "it's riscv64"] }]
verify = [{ run = ["echo", "${bytes} ${what} ${size}"], stdout = "201326592 it's riscv64 192" }]
)toml");
  const Captured saved = run({file});
  EXPECT_EQ(saved.out, "TAP version 13\n1..1\nok 1 memory\n") << saved.err;
  const Captured dry = run({"--dry-run", file});
  EXPECT_THAT(dry.out, HasSubstr("# ${size} is what a step above saves\n"));
  EXPECT_THAT(dry.out, HasSubstr("-m '${size}M'"));
}

TEST_F(QtTap, AValueThatTheReplyLacksHasItsDefault) {
  NEED_EMULATOR("riscv64");
  const auto with = [&](const std::string& saved) {
    return run({define("riscv64", "default",
                       format(R"toml(
[test.size]
machine = "virt"
steps = [
  {{ qmp = "query-memory-size-summary", save = {{ plugged = {} }} }},
  {{ run = ["test", "${{plugged}}", "=", "7"] }},
]
)toml",
                              saved))})
        .out;
  };
  EXPECT_THAT(with(R"({ at = "/no-such", default = 7 })"), HasSubstr("\nok 1 size\n"));
  EXPECT_THAT(with(R"({ at = "/no-such", default = 8 })"), HasSubstr("\nnot ok 1 size\n"));
  EXPECT_THAT(with(R"({ at = "/base-memory", default = 7 })"), HasSubstr("\nnot ok 1 size\n"));
  EXPECT_THAT(with(R"("/no-such")"), HasSubstr("nothing to save as 'plugged'"));
}

TEST_F(QtTap, AllOfAListOfChecksMustHold) {
  NEED_EMULATOR("riscv64");
  const auto with = [&](const std::string& checks) {
    return run({define("riscv64", "output",
                       format(R"toml(
[template.base]
machine = "virt"
args = ["-device", "nosuch"]
exit = 1
output = "valid device"
[test.said]
template = "base"
output = {}
)toml",
                              checks))})
        .out;
  };
  EXPECT_THAT(with(R"(["nosuch", { matches = "valid dev[a-z]+" }, { lacks = "never" }])"),
              HasSubstr("\nok 1 said\n"));
  EXPECT_THAT(with(R"(["nosuch", "never said"])"), HasSubstr("contains 'never said'"));
  EXPECT_THAT(with(R"([{ lacks = "nosuch" }, { lacks = "never said" }])"),
              HasSubstr("lacks 'nosuch'"));
  // The template's still holds.
  EXPECT_THAT(run({"--dry-run", define("riscv64", "output", R"toml(
[template.base]
machine = "virt"
exit = 1
output = "valid device"
[test.said]
template = "base"
output = [{ lacks = "x" }]
)toml")})
                  .out,
              HasSubstr("--output 'valid device' --output-lacks x"));
}

TEST_F(QtTap, AStepMayNameTheConsoleThatTheMachineHas) {
  NEED_EMULATOR("riscv64");
  const Captured named = run({define("riscv64", "console", R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI", console = 0 }]
)")});
  EXPECT_EQ(named.out, "TAP version 13\n1..1\nok 1 virt\n") << named.err;
}

TEST_F(QtTap, ASignalEndsItWithACompleteStream) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "long", k_the_first_hangs);
  const std::string console = output + "/riscv64/long.first/console.log";
  FdPair out = make_pipe();
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  SpawnOptions options;
  options.standard_output = out.second.get();
  options.standard_error = null.get();
  Process process = Process::spawn({tool("qt-tap"), "--output", output, file}, options);
  out.second.reset();
  const Deadline limit = Deadline::after(30s);
  while (read_file_if_exists(console).value_or("").empty() && !limit.expired()) {
    ::usleep(5000);
  }
  process.send_signal(SIGTERM);
  const auto status = process.wait(limit);
  ASSERT_TRUE(status);
  EXPECT_EQ(exit_status_of(status->wait_status), 128 + SIGTERM);
  EXPECT_THAT(
      read_to_end(out.first.get(), "pipe"),
      ContainsRegex("^TAP version 13\n1..2\nnot ok 1 first\n# [^\n]*ended by SIGTERM[^\n]*\n"
                    "# logs: [^\n]*/riscv64/long.first\nnot ok 2 second\n"
                    "# host: not run: ended by SIGTERM\n$"));
  EXPECT_THAT(read_file(output + "/riscv64/long.second/verdict.json"),
              HasSubstr("\"message\": \"not run: ended by SIGTERM\""));
}

TEST_F(QtTap, PhasesShareScratch) {
  NEED_EMULATOR("riscv64");
  const Captured both = run({"--keep-scratch", define("riscv64", "phases", R"(
[file.note]
text = "made for ${arch}"
[[test.two.phase]]
prepare = [{ run = ["touch", "${scratch}/kept"] }]
machine = "virt"
steps = [{ wait = "OpenSBI" }]
[[test.two.phase]]
machine = "virt"
steps = [{ wait = "OpenSBI" }]
verify = [{ run = ["test", "-e", "${scratch}/kept"] }, { file = "${log}/console.log", matches = "OpenSBI" }, { file = "${file.note}", matches = "^made for riscv64$" }]
)")});
  EXPECT_EQ(both.out, "TAP version 13\n1..1\nok 1 two\n") << both.err;
  EXPECT_TRUE(exists(output + "/riscv64/phases.two/phase1/console.log"));
  EXPECT_TRUE(exists(output + "/riscv64/phases.two/phase2/console.log"));
  EXPECT_TRUE(exists(output + "/riscv64/phases.two/scratch/kept"));
}

TEST_F(QtTap, ATestIsPreparedOnceForAllItsPhases) {
  const std::string file = define("riscv64", "once", R"toml(
[test.t]
prepare = [{ run = ["sh", "-c", "echo x >>${scratch}/runs; echo all"], save = { word = "(.*)" } }]
steps = [{ run = ["sh", "-c", "echo ${word}"], stdout = "all" }]
verify = [{ run = ["sh", "-c", "echo $(cat ${scratch}/runs ${scratch}/steps)."], stdout = "x one." }]
[[test.t.phase]]
[[test.t.phase]]
steps = [{ run = ["sh", "-c", "echo one >>${scratch}/steps; echo ${word}"], stdout = "all" }]
)toml");
  const Captured both = run({file});
  EXPECT_EQ(both.out, "TAP version 13\n1..1\nok 1 t\n") << both.err;
  const std::string dry = run({"--dry-run", file}).out;
  const std::size_t once = dry.find("/runs; echo all");
  EXPECT_NE(once, std::string::npos) << dry;
  EXPECT_EQ(dry.find("/runs; echo all", once + 1), std::string::npos) << dry;
}

TEST_F(QtTap, WhatItPrintsRunsInAShell) {
  NEED_EMULATOR("riscv64");
  const std::string payload = folder.path() + "/payload.gz";
  ASSERT_EQ(
      code_of(*run_captured({"sh", "-c", "echo hello | gzip >" + payload}, {}, Deadline::never())),
      0);
  const std::string file = define("riscv64", "dry run",
                                  format(R"(
[asset.gz]
path = "{}/pay*.gz"
[file.plain]
from = "gz"
[file.own]
from = "gz"
writable = true
[file.note]
text = "it's\n${{scratch}}\n"
[test.a]
matrix = {{ word = ["b,c"] }}
machine = "virt"
prepare = [{{ run = ["grep", "hello", "${{file.plain}}", "${{file.own}}"] }}, {{ run = ["echo", "${{word}}"] }}]
steps = [{{ wait = "OpenSBI" }}]
verify = [{{ run = ["grep", "it's", "${{file.note}}"] }}]
)",
                                         folder.path()));
  const Captured printed = run({"--dry-run", file});
  ASSERT_EQ(code_of(printed), 0) << printed.err;
  EXPECT_THAT(printed.out, StartsWith("# riscv64/dry run:a[b,c]\n"));
  const std::string script = folder.path() + "/script";
  write_file(script, printed.out);
  for (int i = 0; i < 2; ++i) { // and again, over what is there
    const Captured pasted =
        *run_captured({"sh", "-c", "sh -e <" + script}, {}, Deadline::after(60s));
    EXPECT_EQ(code_of(pasted), 0) << printed.out << pasted.out << pasted.err;
  }
  EXPECT_THAT(read_file(output + "/riscv64/dry%20run.a[b%2Cc]/console.log"), HasSubstr("OpenSBI"));
  EXPECT_EQ(run({file}).out, "TAP version 13\n1..1\nok 1 a[b,c]\n");
}

TEST_F(QtTap, WhatItPrintsTellsAllReasonsToSkip) {
  NEED_EMULATOR("riscv64");
  const std::string dry = run({"--dry-run", define("riscv64", "skipped", R"(
[asset.gz]
path = "/no/such/payload"
[test.a]
requires = { commands = ["no-such-program"], qemu-version = "< 1.0" }
machine = "virt"
args = ["-bios", "${asset.gz}"]
steps = [{ wait = "OpenSBI" }]
)")})
                              .out;
  EXPECT_THAT(dry, HasSubstr("# skipped here: needs the program no-such-program; install it\n"));
  EXPECT_THAT(dry, HasSubstr("# skipped here: /no/such/payload is not there"));
  EXPECT_THAT(dry, HasSubstr("# skipped here: needs QEMU < 1.0; "));
  EXPECT_THAT(dry, HasSubstr("--wait OpenSBI"));
}

TEST_F(QtTap, ThereMayBeAPauseBeforeTheBoot) {
  const std::string file = define("riscv64", "pause", R"(
[test.t]
prepare = [{ sleep = "20ms" }, { run = ["true"] }]
steps = [{ run = ["true"] }]
verify = [{ sleep = "20ms" }]
)");
  EXPECT_EQ(run({file}).out, "TAP version 13\n1..1\nok 1 t\n");
  EXPECT_THAT(run({"--dry-run", file}).out,
              ContainsRegex("qt-expect'? --timeout 87s --sleep 20ms --run true"));
}

TEST_F(QtTap, TheFirmwareOfTheEmulatorCanBeNamed) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "firmware", R"(
[test.t]
machine = "virt"
args = ["-bios", "${firmware}/opensbi-riscv64-generic-fw_dynamic.bin"]
steps = [{ wait = "OpenSBI" }]
)");
  EXPECT_EQ(run({file}).out, "TAP version 13\n1..1\nok 1 t\n");
  EXPECT_THAT(run({"--dry-run", file}).out,
              ContainsRegex("-bios /[^ ]*/opensbi-riscv64-generic-fw_dynamic.bin"));
}

// --- conditions and payloads

// As in a QEMU that was built without VNC: nothing that the test could find out. A command that is
// expected to be unknown is asked for all the same.
TEST_F(QtTap, ACommandThatTheMonitorLacksIsASkip) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "commands", R"(
[test.step]
machine = "virt"
steps = [{ qmp = "query-status" }, { qmp = "query-no-such" }]
[test.required]
requires = { qmp = ["query-status", "query-statuss"] }
steps = [{ run = ["true"] }]
[test.expected]
machine = "virt"
steps = [{ qmp = "query-no-such", error = "CommandNotFound" }]
[test.two]
steps = [{ qmp = "query-status", vm = "a" }, { qmp = "query-no-such", vm = "b" }]
[test.two.vm.a]
machine = "virt"
[test.two.vm.b]
machine = "none"
)");
  const Captured ran = run({file});
  EXPECT_THAT(ran.out,
              ContainsRegex("\nok 1 step # SKIP the monitor of qemu-system-riscv64 [0-9.]+ "
                            "has no command query-no-such\n"));
  EXPECT_THAT(ran.out, ContainsRegex("\nok 2 required # SKIP the monitor [^\n]* has no command "
                                     "query-statuss; did you mean 'query-status'"));
  EXPECT_THAT(ran.out, HasSubstr("\nok 3 expected\n"));
  EXPECT_THAT(ran.out, HasSubstr("\nok 4 two # SKIP the monitor"));
}

// The emulator is a real one but for its list of displays.
TEST_F(QtTap, WhatTheEmulatorWasNotBuiltWithIsASkip) {
  NEED_EMULATOR("riscv64");
  const std::string real = *find_program("qemu-system-riscv64");
  const std::string emulator = folder.path() + "/qemu-system-riscv64";
  write_file(emulator,
             "#!/bin/sh\ncase \"$*\" in\n"
             "'-display help') printf 'Available display backend types:\\nnone\\ngtk\\n' ;;\n"
             "*) exec " +
                 real + " \"$@\" ;;\nesac\n");
  ::chmod(emulator.c_str(), 0755);
  const auto test = [](const std::string& name, const std::string& config) {
    return format("[test.{}]\nmachine = \"none\"\nrequires = {{ config = {} }}\n"
                  "steps = [{{ qmp = \"query-status\" }}]\n",
                  name, config);
  };
  const std::string file = define(
      "riscv64", "built",
      test("gtk", "\"gtk\"") + test("sdl", "\"sdl\"") + test("both", "[\"gtk\", \"curses\"]") +
          test("not-gtk", "\"not gtk\"") + test("not-sdl", "\"not sdl\""));
  const ScopedVariable chosen("QEMU_TEST_QEMU_BINARY", emulator);
  const Captured ran = run({file});
  EXPECT_EQ(code_of(ran), 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("\nok 1 gtk\n"));
  EXPECT_THAT(ran.out, ContainsRegex("\nok 2 sdl # SKIP qemu-system-riscv64 [0-9.]+ was built "
                                     "without sdl, or the module is not installed\n"));
  EXPECT_THAT(ran.out, ContainsRegex("\nok 3 both # SKIP [^\n]* without curses"));
  EXPECT_THAT(ran.out, ContainsRegex("\nok 4 not-gtk # SKIP [^\n]* was built with gtk\n"));
  EXPECT_THAT(ran.out, HasSubstr("\nok 5 not-sdl\n"));
  EXPECT_THAT(run({"--list", "--long", file}).out, HasSubstr("requires config sdl"));
  const Captured wrong = run({"--check", define("riscv64", "wrong", test("a", "\"sld\""))});
  EXPECT_EQ(code_of(wrong), 2);
  EXPECT_THAT(wrong.err + wrong.out, HasSubstr("unknown word 'sld'; did you mean 'sdl'"));
}

TEST_F(QtTap, AFlakyTestIsListedAndWarnedOfAfterItsDay) {
  const std::string file = define("riscv64", "unstable", R"(
[test.old]
requires = { flaky = { bug = "https://bug/1", until = 2020-01-31 } }
steps = [{ run = ["true"] }]
[test.new]
requires = { flaky = { bug = "https://bug/2", until = 2999-01-31 } }
steps = [{ run = ["true"] }]
[test.stable]
steps = [{ run = ["true"] }]
)");
  const std::string warning = "flaky: it is past 2020-01-31: see whether https://bug/1 is mended";
  const Captured checked = tap({"--check", file});
  EXPECT_EQ(code_of(checked), 0);
  EXPECT_THAT(checked.err, ContainsRegex("unstable.toml:3:[0-9]+: warning: " + warning));
  EXPECT_THAT(checked.err, Not(HasSubstr("bug/2")));
  const Captured ran = run({file});
  EXPECT_THAT(ran.out, HasSubstr("ok 1 old # SKIP unstable (https://bug/1, until 2020-01-31)"));
  EXPECT_THAT(ran.err, HasSubstr("qt-tap: warning: riscv64/unstable:old: " + warning));
  EXPECT_THAT(ran.err, Not(HasSubstr("bug/2")));
  const std::string listed = tap({"--list", "--long", "--select", "flaky", file}).out;
  EXPECT_THAT(listed, HasSubstr("requires flaky https://bug/1, until 2020-01-31"));
  EXPECT_THAT(listed, HasSubstr("until 2999-01-31"));
  EXPECT_THAT(listed, Not(HasSubstr("stable:")));
}

TEST_F(QtTap, AMissingEmulatorIsASkipThatNamesIt) {
  const Captured skipped = run({define("lm32", "boot",
                                       "[test.a]\nmachine = \"x\"\nsteps = [{ wait "
                                       "= \"x\" }]\n")});
  EXPECT_EQ(skipped.out,
            "TAP version 13\n1..0 # SKIP no qemu-system-lm32 on PATH; install it if your QEMU has "
            "that architecture, or name another with QEMU_TEST_QEMU_BINARY\n");
  EXPECT_EQ(code_of(skipped), 0);

  const Captured elsewhere =
      run({"--qemu", "/no/such/qemu",
           define("riscv64", "path", "[test.a]\nmachine = \"x\"\nsteps = [{ wait = \"x\" }]\n")});
  EXPECT_EQ(elsewhere.out, "TAP version 13\n1..0 # SKIP no /no/such/qemu; name an emulator that is "
                           "there with QEMU_TEST_QEMU_BINARY\n");
}

TEST_F(QtTap, SkipsSayWhy) {
  NEED_EMULATOR("riscv64");
  const std::string file = define("riscv64", "skips", R"(
[asset.gone]
url = "https://localhost/gone"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
[asset.host]
path = "/no/such/*.bin"
[asset.user]
env = "QT_TAP_TEST_UNSET"
[template.t]
machine = "virt"
steps = [{ wait = "OpenSBI" }]
[test.machine]
template = "t"
machine = "vir"
[test.device]
template = "t"
requires = { device = "no-such-device" }
[test.command]
template = "t"
requires = { commands = "${data}/no-such-command" }
[test.asset]
template = "t"
args = ["-bios", "${asset.gone}"]
[test.host]
template = "t"
args = ["-bios", "${asset.host}"]
[test.user]
template = "t"
args = ["-bios", "${asset.user}"]
[test.runs]
template = "t"
)");
  const Captured skipped = run({file});
  EXPECT_EQ(code_of(skipped), 0) << skipped.err;
  EXPECT_THAT(skipped.out, HasSubstr("1..7\n"));
  EXPECT_THAT(skipped.out, ContainsRegex("ok 1 machine # SKIP qemu-system-riscv64 [0-9.]+ has no "
                                         "machine vir; did you mean .virt.[?]\n"));
  EXPECT_THAT(skipped.out, HasSubstr(" has no device no-such-device\n"));
  EXPECT_THAT(skipped.out, HasSubstr("ok 3 command # SKIP needs the program /"));
  EXPECT_THAT(skipped.out, HasSubstr("/no-such-command; install it"));
  EXPECT_THAT(skipped.out, HasSubstr("ok 4 asset # SKIP asset unavailable: "));
  EXPECT_THAT(skipped.out, HasSubstr("ok 5 host # SKIP /no/such/*.bin is not there"));
  EXPECT_THAT(skipped.out, HasSubstr("ok 6 user # SKIP asset user is the user's own; set "
                                     "QT_TAP_TEST_UNSET"));
  EXPECT_THAT(skipped.out, HasSubstr("ok 7 runs\n"));
}

TEST_F(QtTap, ADamagedPayloadIsAFailure) {
  write_file(folder.path() + "/bad.gz", "\x1f\x8b\x08nonsense");
  const Captured failed = run({define("riscv64", "bad",
                                      format(R"(
[asset.bad]
path = "{}/bad.gz"
[file.bad]
from = "bad"
[test.a]
steps = [{{ run = ["test", "-e", "${{file.bad}}"] }}]
)",
                                             folder.path()))});
  EXPECT_THAT(failed.out, HasSubstr("not ok 1 a\n# asset: file.bad: "));
  EXPECT_EQ(code_of(failed), 1);
}

// --- choosing, listing, checking

// Each machine of a run is given the same files and another slice.
TEST_F(QtTap, SlicesAreTogetherTheWholeRun) {
  std::vector<std::string> files;
  for (const char* const name : {"a", "b", "c", "d", "e"}) {
    files.push_back(define("riscv64", name, R"(
[test.one]
steps = [{ run = ["true"] }]
[test.two]
steps = [{ run = ["true"] }]
)"));
  }
  const auto answer = [&files](std::vector<std::string> words) {
    words.insert(words.end(), files.begin(), files.end());
    return words;
  };
  std::string all;
  for (const char* const slice : {"1/3", "2/3", "3/3"}) {
    const Captured ran = tap(answer({"--slice", slice}));
    EXPECT_EQ(code_of(ran), 0) << ran.err;
    all += ran.out;
  }
  for (const char* const name : {"a:one", "a:two", "b:one", "c:two", "d:one", "e:one", "e:two"}) {
    EXPECT_THAT(split(all, '\n'), Contains(EndsWith(format(" riscv64/{}", name))).Times(1)) << all;
  }
  EXPECT_THAT(split(all, '\n'), Contains(StartsWith("ok ")).Times(10)) << all;

  // What is asked for is in one slice; in the others nothing is to be done, and that is no mistake.
  std::string found;
  for (const char* const slice : {"1/3", "2/3", "3/3"}) {
    const Captured ran = tap(answer({"--slice", slice, "--filter", "riscv64/d:one"}));
    EXPECT_EQ(code_of(ran), 0) << ran.err;
    found += ran.out;
  }
  EXPECT_THAT(split(found, '\n'), Contains("ok 1 riscv64/d:one").Times(1)) << found;
  EXPECT_THAT(split(found, '\n'),
              Contains(HasSubstr("# SKIP no subtest that was asked for is in this slice")).Times(2))
      << found;
  EXPECT_EQ(code_of(tap(answer({"--slice", "4/3"}))), 2);
  EXPECT_EQ(code_of(tap(answer({"--slice", "1/3", "--check"}))), 2);
  EXPECT_EQ(code_of(tap(answer({"--slice", "1/3", "--filter", "no-such"}))), 2);
}

TEST_F(QtTap, ListsAndFilters) {
  const std::string file = define("riscv64", "many", R"(
summary = "Many"
[test.a]
summary = "the first"
machine = "virt"
steps = [{ wait = "x" }]
[test.m]
machine = "virt"
matrix = { cpu = ["rv64", "max"] }
args = ["-cpu", "${cpu}"]
steps = [{ wait = "x" }]
)");
  EXPECT_EQ(tap({"--list", file}).out,
            "riscv64/many:a\tMany: the first\nriscv64/many:m[rv64]\tMany\n"
            "riscv64/many:m[max]\tMany\n");
  EXPECT_EQ(tap({"--list", "--filter", "m*", file}).out,
            "riscv64/many:m[rv64]\tMany\nriscv64/many:m[max]\tMany\n");
  EXPECT_EQ(tap({"--list", "--filter", "m[max]", "--filter", "*:a", file}).out,
            "riscv64/many:a\tMany: the first\nriscv64/many:m[max]\tMany\n");
  const Captured none = tap({"--list", "--filter", "b", file});
  EXPECT_EQ(code_of(none), 2);
  EXPECT_THAT(none.err, HasSubstr("no subtest is called 'b'"));
  const Captured beside = run({"--filter", "a", "--filter", "b", "--filter", "c*", file});
  EXPECT_EQ(code_of(beside), 2);
  EXPECT_EQ(beside.out, "");
  EXPECT_THAT(beside.err, HasSubstr("no subtest is called 'b' or 'c*'"));
  EXPECT_EQ(code_of(tap({"--check", "--filter", "a", file})), 0);
  EXPECT_EQ(code_of(tap({"--check", "--filter", "a", "--filter", "b", file})), 2);
  EXPECT_EQ(code_of(tap({"--check", "--select", "machine:virt or machine:vrit", file})), 2);
  const Captured twice = run({file, file});
  EXPECT_EQ(code_of(twice), 2);
  EXPECT_THAT(twice.err, HasSubstr("both have a subtest riscv64/many:a"));
}

// What one of them has come to must not be lost in the results of another.
TEST_F(QtTap, NoTwoSubtestsShareARunDirectory) {
  const auto passing = [](const std::string& name) {
    return format("[test.'{}']\nsteps = [{{ run = ['true'] }}]\n", name);
  };
  const auto failing = [](const std::string& name) {
    return format("[test.'{}']\nsteps = [{{ run = ['false'] }}]\n", name);
  };
  const Captured apart =
      run({define("x86_64", "two", failing("b.x")), define("x86_64", "two.b", passing("x"))});
  EXPECT_EQ(code_of(apart), 1) << apart.err;
  EXPECT_EQ(read_verdict(output + "/x86_64/two.b.x").value().cause, Cause::assertion);
  EXPECT_EQ(read_verdict(output + "/x86_64/two%2Eb.x").value().cause, Cause::pass);
  const std::string numbered = define("x86_64", "n", failing("a.2") + passing("a"));
  EXPECT_EQ(code_of(run({"--repeat", "2", numbered})), 1);
  EXPECT_TRUE(exists(output + "/x86_64/n.a%2E2"));

  NEED_EMULATOR("riscv64");
  const Captured one = run({"--qemu", "qemu-system-riscv64", define("generic", "g", failing("x")),
                            define("riscv64", "g", passing("x"))});
  EXPECT_EQ(code_of(one), 2) << one.err;
  EXPECT_THAT(one.err, HasSubstr("would both run in"));
}

TEST_F(QtTap, ChecksAllFilesAtOnce) {
  const std::string good = define("riscv64", "good", k_opensbi);
  const std::string bad = define("riscv64", "bad",
                                 "[test.a]\nmachin = \"x\"\nsteps = [{ wait = "
                                 "\"x\" }]\n");
  const std::string worse = define("riscv64", "worse", "[test\n");
  const Captured silent = tap({"--check", good});
  EXPECT_EQ(silent.out + silent.err, "");
  EXPECT_EQ(code_of(silent), 0);
  const Captured wrong = tap({"--check", bad, good, worse});
  EXPECT_EQ(code_of(wrong), 2);
  EXPECT_THAT(wrong.err, ContainsRegex("bad.toml:2:[0-9]+: .*machin.*machine"));
  EXPECT_THAT(wrong.err, HasSubstr("worse.toml:1:"));
  const Captured nothing =
      tap({"--check", define("riscv64", "nothing", "[asset.a]\npath = \"/x\"\n")});
  EXPECT_EQ(code_of(nothing), 2);
  EXPECT_THAT(nothing.err, HasSubstr("nothing.toml:1:1: error: there is no test in this file"));
  const Captured odd = tap({"--check", define("riscv64", "odd", R"(
[test.a]
steps = [{ line = "echo PASSED" }, { wait = "PASSED" }]
)")});
  EXPECT_EQ(code_of(odd), 0);
  EXPECT_THAT(odd.err,
              HasSubstr("odd.toml:3:36: warning: wait: 'PASSED' is part of what was just typed"));
  const Captured run_anyway = run({bad});
  EXPECT_EQ(run_anyway.out, "");
  EXPECT_EQ(code_of(run_anyway), 2);
}

TEST_F(QtTap, WaitsForNothingThatIsNoFile) {
  ASSERT_EQ(::mkfifo((folder.path() + "/fifo.toml").c_str(), 0600), 0);
  for (const std::string& endless : {folder.path() + "/fifo.toml", std::string("/dev/zero")}) {
    const Captured refused = tap({"--check", endless});
    EXPECT_EQ(code_of(refused), 2);
    EXPECT_THAT(refused.err, HasSubstr("not a regular file"));
    const Captured included =
        tap({"--check",
             define("riscv64", "inc", format("include = \"{}\"\n[test.a]\nexit = 0\n", endless))});
    EXPECT_EQ(code_of(included), 2);
    EXPECT_THAT(included.err, HasSubstr("inc.toml:1:11: error: include: reading"));
    const Captured judged =
        run({define("riscv64", "judged",
                    format("[test.a]\nsteps = [{{ file = \"{}\", lacks = \"x\" }}]\n", endless))});
    EXPECT_EQ(code_of(judged), 1);
    EXPECT_THAT(judged.out, HasSubstr("not a regular file"));
  }
}

TEST_F(QtTap, NothingIsCutAtANulByte) {
  for (const std::string key :
       {"wait", "line", "file", "hmp", "event", "fetch", "tcp", "sha256", "mark"}) {
    const Captured refused =
        tap({"--check", define("riscv64", "nul",
                               format("[test.a]\nsteps = [{{ {} = \"hel\\u0000XYZ\" }}]\n", key))});
    EXPECT_EQ(code_of(refused), 2) << key;
    EXPECT_THAT(refused.err,
                ContainsRegex("nul.toml:2:[0-9]+: error: .*U\\+0000|no key of this step"))
        << key;
  }
  const Captured saved = run({define("riscv64", "saved", R"toml([test.a]
steps = [
  { run = ["printf", 'hel\000XYZ'], save = { word = "(?s).*" } },
  { run = ["sh", "-c", 'echo "[$0]"', "${word}"], stdout = "[hel" },
]
)toml")});
  EXPECT_THAT(saved.out, HasSubstr("not ok 1 a\n"));
  EXPECT_THAT(saved.out, HasSubstr("an argument ends at a NUL byte"));
  const Captured phases = run({define("riscv64", "phases", R"toml([test.a]
prepare = [{ run = ["printf", 'hel\000XYZ'], save = { word = "(?s).*" } }]
steps = [{ run = ["echo", "${word}"], stdout = "hel" }]
)toml")});
  EXPECT_THAT(phases.out, HasSubstr("not ok 1 a\n"));
  EXPECT_THAT(phases.out, HasSubstr("NUL byte"));
}

// What guests and commands print reaches Meson's report, which is XML, in names, comments and on
// stderr. A real Meson writes it, a real parser reads it.
TEST_F(QtTap, WhatCommandsSayKeepsToTheLimitOfALog) {
  const std::string file = define("riscv64", "loud", R"(
[test.a]
log-limit = "64K"
prepare = [{ run = ["sh", "-c", "yes | head -n 20000 >&2"] }]
steps = [{ run = ["sh", "-c", "yes n | head -n 20000 >&2; echo LAST >&2; exit 3"] }]
)");
  EXPECT_EQ(run({file}).status.code(), 1);
  const std::string log = read_file(output + "/riscv64/loud.a/base.log");
  EXPECT_LT(log.size(), 80'000U);
  EXPECT_THAT(log, HasSubstr("the programs said 39.1 KiB in all; the rest is left out but for"));
  EXPECT_THAT(log, HasSubstr(": LAST\n"));
}

TEST_F(QtTap, NothingItPrintsBreaksMesonsReport) {
  if (!find_program("meson") || !find_program("python3") || !find_program("ninja")) {
    GTEST_SKIP() << "needs meson, ninja and python3; install them";
  }
  std::string octal;
  for (int byte = 1; byte < 256; ++byte) {
    octal += byte == '\n' ? "" : format("\\{:03o}", byte);
  }
  octal += "\\357\\277\\276 \\357\\277\\277 \\355\\240\\200 \\302\\205 ]]> &amp; <x> "
           "\\364\\217\\277\\277";
  const std::string file = define("riscv64", "odd", R"toml(
summary = "odd \uFFFF \uFFFE ]]> <&>"
[test.fails]
summary = "\u0001\u001b[0m"
steps = [{ run = ["false"] }]
[test.skipped]
requires = { disabled = "why \uFFFF \u0001 \u0085 ]]>" }
steps = [{ run = ["true"] }]
[test.many]
matrix = { word = ["a\uFFFF>&", "\uFFFE"] }
steps = [{ run = ["sh", "-c", "echo '${word}' >&2; exit 3"] }]
)toml");
  write_file(folder.path() + "/print", "printf '" + octal + "\\nlast " + octal + "\\n'; printf '" +
                                           octal + "\\n' >&2; exit 1\n");
  const std::string printing =
      define("riscv64", "printing",
             format("[test.fails]\nsteps = [{{ run = [\"sh\", \"{}/print\"], stdout = \"x\" }}]\n",
                    folder.path()));
  const std::string source = folder.path() + "/meson";
  make_directories(source);
  const std::string program = folder.path() + "/program"; // its own path may hold any character
  ASSERT_EQ(::symlink(tool("qt-tap").c_str(), program.c_str()), 0);
  write_file(source + "/meson.build", format(R"(project('report')
foreach name, file : {{'odd': '{}', 'printing': '{}'}}
  test(name, find_program('{}'), args: ['--under-meson', '--output', '{}', file], protocol: 'tap')
endforeach
)",
                                             file, printing, program, output));
  const ScopedVariable build_root("MESON_BUILD_ROOT", std::nullopt);
  const auto meson = [&](Words words) {
    words.insert(words.begin(), "meson");
    return *run_captured(words, {}, Deadline::after(80s));
  };
  const Captured setup = meson({"setup", source + "/build", source});
  ASSERT_EQ(code_of(setup), 0) << setup.out << setup.err;
  const Captured tested = meson({"test", "-C", source + "/build", "--print-errorlogs"});
  EXPECT_NE(code_of(tested), 0) << tested.out;
  const std::string report = source + "/build/meson-logs/testlog.junit.xml";
  const Captured parsed = *run_captured(
      {"python3", "-c",
       "import sys, xml.etree.ElementTree as tree\n"
       "cases = list(tree.parse(sys.argv[1]).iter('testcase'))\n"
       "print(len(cases), sum(len(list(case.iter('failure'))) > 0 for case in cases))",
       report},
      {}, Deadline::after(60s));
  EXPECT_EQ(parsed.err, "");
  EXPECT_EQ(parsed.out, "5 4\n") << read_file(report);
}

TEST_F(QtTap, ExitCodesOfWrongUse) {
  EXPECT_EQ(code_of(tap({})), 2);
  EXPECT_EQ(code_of(tap({"--no-such-option"})), 2);
  EXPECT_EQ(code_of(tap({"--name", "n"})), 2);
  EXPECT_EQ(code_of(tap({"--", "true"})), 2);
  EXPECT_EQ(code_of(tap({"--timeout", "5", "f"})), 2);
  EXPECT_EQ(code_of(tap({"/no/such/file.toml"})), 99);
  const Captured help = tap({"--help"});
  EXPECT_EQ(code_of(help), 0);
  EXPECT_THAT(help.out, HasSubstr("(default: for each FILE what it says,"));
  for (const std::string& line : split(help.out, '\n')) {
    EXPECT_LE(line.size(), 80U) << line;
  }
}

// --- any command

TEST_F(QtTap, WrapsACommand) {
  const Captured passed = tap({"--name", "n", "--", "sh", "-c", "echo noise; echo ok 7"});
  EXPECT_EQ(passed.out, "TAP version 13\n1..1\nok 1 n\n");
  EXPECT_EQ(passed.err, "noise\nok 7\n");
  EXPECT_EQ(code_of(passed), 0);

  const Captured skipped = tap({"--name", "n", "--", "sh", "-c", "echo 'no # here' >&2; exit 77"});
  EXPECT_EQ(skipped.out, "TAP version 13\n1..0 # SKIP no # here\n");
  EXPECT_EQ(code_of(skipped), 0);

  const Captured failed = tap({"--name", "n", "--", "sh", "-c", "echo why >&2; exit 5"});
  EXPECT_EQ(failed.out, "TAP version 13\n1..1\nnot ok 1 n\n# exited 5\n# why\n");
  EXPECT_EQ(failed.err, "why\nqt-tap: error: n: exited 5\n");
  EXPECT_EQ(code_of(failed), 1);

  const Captured crashed = tap({"--name", "n", "--", "sh", "-c", "kill -SEGV $$"});
  EXPECT_THAT(crashed.out, HasSubstr("not ok 1 n\n# killed SIGSEGV\n"));
  const Captured absent = tap({"--name", "n", "--", "/no/such/program"});
  EXPECT_THAT(absent.out, HasSubstr("not ok 1 n\n# starting /no/such/program: "));
  EXPECT_EQ(code_of(absent), 1);
  const Captured late = tap({"--name", "n", "--timeout", "100ms", "--", "sleep", "1000"});
  EXPECT_THAT(late.out, HasSubstr("not ok 1 n\n# timeout: still running after 100ms\n"));
}

TEST_F(QtTap, LinksNoLibraryThatOnlyPayloadsNeed) {
#ifdef QT_UNITY
  GTEST_SKIP() << "a folder is one object here, which needs what any of its sources needs";
#endif
  const auto linked = run_captured({"ldd", tool("qt-tap")}, {}, Deadline::after(30s));
  EXPECT_EQ(code_of(*linked), 0);
  for (const char* library : {"curl", "crypto", "archive", "lzma", "zstd"}) {
    EXPECT_THAT(linked->out, Not(HasSubstr(library)));
  }
}

} // namespace
} // namespace qt
