// Every option of a run, as qt-tap lists its options: what --dry-run prints with it is what a run
// with it does, and the command that runs a subtest again has it. An option that is not in one of
// the two tables here fails the test.
#include "base/format.hh"
#include "base/text.hh"
#include "environment.hh"
#include "ipc/verdict.hh"
#include "os/file.hh"
#include "os/process.hh"
#include "tap_fixture.hh"
#include "terminal_program.hh"

#include <array>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <span>
#include <unistd.h>

namespace qt {
namespace {

using support::ScopedVariable;
using support::tool;
using testing::Contains;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

// Which subtests, and what else qt-tap can do.
const std::set<std::string> k_not_of_a_run = {
    "bisect", "check", "dry-run",    "durations", "filter",  "help",   "json",  "list",
    "long",   "meson", "name",       "options",   "quiet",   "repeat", "rerun", "schema",
    "select", "slice", "until-fail", "verbose",   "version", "watch",
};

struct Given {
  Words words;
  std::string seen;          // an expression for what the commands have of it; empty: nothing
  bool is_said_again = true; // in the command that runs the subtest again
  bool needs_terminal = false;
};

class QtTapOptions : public support::TapFixture {
protected:
  void SetUp() override {
    m_qemu = find_program("qemu-system-riscv64").value_or("");
    if (m_qemu.empty()) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
    write_file(m_payload, "payload\n");
    ASSERT_EQ(::symlink(m_qemu.c_str(), m_other_qemu.c_str()), 0);
    m_good = define("riscv64", "good", definition("true"));
    m_bad = define("riscv64", "bad", definition("false"));
  }

  // What each option of a run is given.
  std::map<std::string, Given> given() const {
    return {
        {"accel", {{"--accel", "tcg,thread=single"}, "--accel tcg,thread=single"}},
        {"cpu", {{"--cpu", "rv64"}, "--cpu rv64"}},
        {"confine", {{"--confine", "sandbox"}, "--confine sandbox"}},
        {"break", {{"--break", "1"}, "qt-expect'? --break 1 ", true, true}},
        {"gdb", {{"--gdb"}, "qt-boot'? --gdb ", true, true}},
        {"gdbstub", {{"--gdbstub"}, "--gdbstub"}},
        {"jobs", {{"--jobs", "2"}, "", false}},
        {"keep-scratch", {{"--keep-scratch"}, ""}},
        {"on-fail", {{"--on-fail", "keep"}, "qt-boot'? .*--on-fail keep"}},
        {"output", {{"--output", folder.path() + "/elsewhere"}, "--run-dir [^ ]*/elsewhere/"}},
        {"prepared", {{"--prepared", m_prepared}, m_prepared + "/"}},
        {"qemu", {{"--qemu", m_other_qemu}, "--qemu " + m_other_qemu}},
        {"retries", {{"--retries", "2"}, "", false}},
        {"retry-all", {{"--retries", "1", "--retry-all"}, "", false}},
        {"strict-budgets", {{"--strict-budgets"}, "qt-expect'? .*--strict-budgets"}},
        {"timeout", {{"--timeout", "70s"}, "qt-expect'? --timeout [56]"}},
        {"wrapper", {{"--wrapper", "env A=${log}"}, "--wrapper 'env A=/[^ ]*/good.a' "}},
        {"under-meson", {{"--under-meson"}, "", false}},
    };
  }

  // The commands of the first subtest that a run would start, as --dry-run prints them.
  Words printed(const Words& words, const std::string& file) const {
    return commands_in(answer(words, {"--dry-run", file}).out);
  }
  static Words commands_in(const std::string& text) {
    constexpr std::string_view k_begin = " QEMU_TEST_VMS= ";
    constexpr std::string_view k_end = " </dev/null";
    Words commands;
    for (const std::string& line : split(text, '\n')) {
      const std::size_t begin = line.find(k_begin);
      if (begin != std::string::npos && line.ends_with(k_end)) {
        const std::size_t from = begin + k_begin.size();
        commands.push_back(line.substr(from, line.size() - k_end.size() - from));
      }
    }
    return commands;
  }
  // Those that a run has noted.
  static Words noted(const std::string& run_dir) {
    Words commands;
    for (const std::string& line : split(read_file(run_dir + "/base.log"), '\n')) {
      const std::size_t begin = line.find(" qt-tap: $ ");
      if (begin != std::string::npos && line.find("qt-extract") == std::string::npos) {
        commands.push_back(line.substr(begin + 11));
      }
    }
    return commands;
  }
  Captured answer(Words words, const Words& more) const {
    const bool has_output = std::find(words.begin(), words.end(), "--output") != words.end();
    words.insert(words.end(), more.begin(), more.end());
    return has_output ? tap(words) : run(words);
  }

  // All that a run says which has a terminal of its own.
  std::string at_terminal(Words words, const std::string& file) const {
    words.insert(words.begin(), {tool("qt-tap"), "--output", output});
    words.push_back(file);
    support::TerminalProgram program(words);
    program.wait();
    return program.said();
  }

  // The same, but that a run has less time the later a dialogue begins.
  static void expect_same(const Words& real, const Words& dry) {
    ASSERT_EQ(real.size(), dry.size());
    for (std::size_t i = 0; i < real.size(); ++i) {
      EXPECT_EQ(without_times(real[i]), without_times(dry[i]));
    }
  }
  static std::string without_times(std::string command) {
    constexpr std::string_view k_option = "--timeout ";
    for (std::size_t at = 0; (at = command.find(k_option, at)) != std::string::npos;) {
      at += k_option.size();
      command.replace(at, command.find(' ', at) - at, "TIME");
    }
    return command;
  }

  std::string m_qemu;
  const std::string m_payload = folder.path() + "/payload";
  const std::string m_other_qemu = folder.path() + "/qemu-system-riscv64";
  const std::string m_prepared = folder.path() + "/first/prepared/riscv64/good";
  std::string m_good; // all stages of it pass
  std::string m_bad;  // fails before a machine starts

private:
  std::string definition(const std::string& first) const {
    return format(R"(
[asset.host]
path = "{0}"
[file.made]
from = "host"
resize = "4K"
[test.a]
prepare = [{{ run = ["{1}", "${{file.made}}"] }}]
machine = "virt"
args = ["-nodefaults"]
steps = [{{ qmp = "query-version" }}]
verify = [{{ run = ["true"] }}]
)",
                  m_payload, first);
  }
};

TEST_F(QtTapOptions, EachIsInATableHere) {
  const std::map<std::string, Given> of_a_run = given();
  for (const std::string& line : split(tap({"--options"}).out, '\n')) {
    const std::string name = line.substr(0, line.find_first_of(" \t"));
    if (name.starts_with("--")) {
      EXPECT_EQ(k_not_of_a_run.contains(name.substr(2)) + of_a_run.contains(name.substr(2)), 1)
          << name << ": is it an option of a run?";
    }
  }
}

TEST_F(QtTapOptions, ADryRunPrintsWhatARunDoes) {
  const Captured made = tap({"--output", folder.path() + "/first", m_good});
  ASSERT_EQ(exit_status_of(made.status.wait_status), 0) << made.err;
  ASSERT_TRUE(exists(m_prepared + "/made"));
  for (const auto& [option, given] : given()) {
    SCOPED_TRACE("--" + option);
    if (given.needs_terminal) {
      continue; // compared in a test of its own
    }
    remove_tree(output);
    const Words dry = printed(given.words, m_good);
    const Captured ran = answer(given.words, {m_good});
    EXPECT_EQ(ran.out, "TAP version 13\n1..1\nok 1 a\n") << ran.err;
    const std::string results = option == "output" ? given.words[1] : output;
    expect_same(noted(results + "/riscv64/good.a"), dry);
    EXPECT_EQ(dry.size(), 3U);
    EXPECT_THAT(dry, Contains(ContainsRegex(given.seen))); // an empty one is everywhere
    EXPECT_EQ(exists(results + "/riscv64/good.a/scratch"), option == "keep-scratch");
  }
}

TEST_F(QtTapOptions, TheCommandThatRunsASubtestAgainHasThem) {
  for (const auto& [option, given] : given()) {
    SCOPED_TRACE("--" + option);
    if (!given.is_said_again) {
      continue;
    }
    remove_tree(output);
    const Words dry = printed(given.words, m_bad);
    const std::string failed =
        option == "break" ? at_terminal(given.words, m_bad) : answer(given.words, {m_bad}).err;
    const std::size_t begin = failed.find("again: ");
    ASSERT_NE(begin, std::string::npos) << failed;
    std::string again = failed.substr(begin + 7, failed.find_first_of("\r\n", begin) - begin - 7);
    EXPECT_THAT(again, HasSubstr(" --" + option));
    const std::size_t program = again.find("/tools/qt-tap"); // a path that needs it is quoted
    again.insert(again.find(' ', program) + 1, "--dry-run ");
    const Captured repeated = *run_captured({"sh", "-c", again}, {}, Deadline::after(60s));
    EXPECT_EQ(commands_in(repeated.out), dry) << again << repeated.err;
  }
}

TEST_F(QtTapOptions, ArgumentsAreForEveryMachine) {
  const Words extra = {"--", "-d", "int", "-D", "${log}/it's", "-name", "${file.made}"};
  const auto with = [&extra](Words words) {
    words.insert(words.end(), extra.begin(), extra.end());
    return words;
  };
  const Words dry = commands_in(run(with({"--dry-run", m_good})).out);
  const Captured ran = run(with({m_good}));
  EXPECT_EQ(ran.out, "TAP version 13\n1..1\nok 1 a\n") << ran.err;
  const std::string run_dir = output + "/riscv64/good.a";
  expect_same(noted(run_dir), dry);
  EXPECT_THAT(dry,
              Contains(ContainsRegex(
                  "-- -nodefaults -d int -D '?[^ ]*/riscv64/good.a/it.* -name [^ ]*/made -- ")));
  EXPECT_EQ(read_verdict(run_dir)->arguments, Words(extra.begin() + 1, extra.end()));

  const Captured failed = run(with({"--cpu", "rv64", m_bad}));
  EXPECT_THAT(failed.err, ContainsRegex("\nagain: .* --cpu rv64 .*/bad.toml -- -d int -D "));
  EXPECT_THAT(read_verdict(output + "/riscv64/bad.a")->options,
              testing::IsSupersetOf({"--cpu", "rv64"}));
}

TEST_F(QtTapOptions, ArgumentsThatCannotBeAreRefused) {
  const Captured unknown = run({m_good, "--", "-D", "${lgo}"});
  EXPECT_EQ(exit_status_of(unknown.status.wait_status), 2);
  EXPECT_THAT(unknown.err, HasSubstr("after '--': unknown name '${lgo}'; did you mean 'log'"));
  EXPECT_EQ(exit_status_of(run({m_good, "--", "-daemonize"}).status.wait_status), 2);
  EXPECT_EQ(exit_status_of(run({"--list", m_good, "--", "-S"}).status.wait_status), 2);
}

// What a definition says of it in another place would still count, or QEMU would refuse both.
TEST_F(QtTapOptions, AcceleratorAndCpuReplaceWhatTheArgumentsSay) {
  const std::string file = define("riscv64", "says", R"(
[test.a]
machine = "virt,accel=kvm,aia=none"
args = ["-cpu", "rv32", "-accel", "kvm", "--accel", "tcg", "-nodefaults"]
steps = [{ qmp = "query-status" }]
)");
  const Captured ran = run({"--accel", "tcg", "--cpu", "rv64", file});
  EXPECT_EQ(ran.out, "TAP version 13\n1..1\nok 1 a\n") << ran.err;
  EXPECT_THAT(printed({"--accel", "tcg", "--cpu", "rv64"}, file),
              Contains(ContainsRegex("--machine virt,aia=none --cpu rv64 --accel tcg -- "
                                     "-nodefaults")));
  // And what is not there is a prerequisite that is absent.
  EXPECT_THAT(run({"--accel", "hvf", file}).out, HasSubstr("# SKIP needs the accelerator hvf"));
}

TEST_F(QtTapOptions, AWrapperOfTheRunStartsThatOfTheTest) {
  const std::string file = define("riscv64", "wrapped", R"(
[test.a]
wrapper = ["env", "INNER=1"]
machine = "none"
steps = [{ qmp = "query-status" }]
)");
  const Captured ran = run({"--wrapper", "sh -c '\"$@\"; exit $?' outer", file});
  EXPECT_EQ(ran.out, "TAP version 13\n1..1\nok 1 a\n") << ran.err;
  const std::string log = read_file(output + "/riscv64/wrapped.a/base.log");
  EXPECT_THAT(log, ContainsRegex("started sh -c [^\n]* outer env INNER=1 /[^ ]*qemu-system"));
  EXPECT_EQ(exit_status_of(run({"--wrapper", "'", file}).status.wait_status), 2);
  EXPECT_THAT(run({"--wrapper", "env ${lgo}", file}).err, HasSubstr("option --wrapper: unknown"));
}

// The guest waits until gdb says so, and no deadline of the definition passes meanwhile.
TEST_F(QtTapOptions, AMachineWaitsForGdbAsLongAsItTakes) {
  if (!find_program("gdb-multiarch")) {
    GTEST_SKIP() << "no gdb-multiarch on this host";
  }
  const std::string file = define("riscv64", "gdb", R"(
timeout = "100ms"
[test.a]
machine = "virt"
timeout = "100ms"
idle-timeout = "100ms"
steps = [{ wait = "OpenSBI", timeout = "100ms" }]
)");
  FdPair said = make_pipe();
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  SpawnOptions options;
  options.standard_input = null.get();
  options.standard_output = options.standard_error = said.second.get();
  Process process =
      Process::spawn({tool("qt-tap"), "--output", output, "--gdbstub", file}, options);
  said.second.reset();
  std::string text;
  std::array<std::byte, 4096> buffer;
  const std::string target = "target remote ";
  while (text.find(", then", std::min(text.find(target), text.size())) == std::string::npos) {
    const IoCount got = read_some(said.first.get(), buffer);
    ASSERT_NE(got.result, IoResult::ended) << text;
    text += text_of(std::span(buffer).first(got.count));
  }
  ::usleep(500'000); // longer than all the deadlines
  const std::size_t begin = text.find(target) + target.size();
  const std::string address = text.substr(begin, text.find(',', begin) - begin);
  EXPECT_EQ(read_file(output + "/riscv64/gdb.a/console.log"), "");
  const Captured gdb =
      *run_captured({"gdb-multiarch", "-q", "-batch", "-ex", "set arch riscv:rv64", "-ex",
                     "target remote " + address, "-ex", "info registers pc", "-ex", "detach"},
                    {}, Deadline::after(60s));
  EXPECT_THAT(gdb.out, HasSubstr("0x1000")) << gdb.err;
  text += read_to_end(said.first.get(), "pipe");
  EXPECT_THAT(text, HasSubstr("\nok 1 a\n"));
  EXPECT_EQ(exit_status_of(process.wait(Deadline::after(60s)).value().wait_status), 0);
}

// Everything that a program on a terminal of its own says; `answer` is typed when `awaited` came.
std::string on_terminal(const Words& words, const std::string& awaited, const std::string& answer) {
  support::TerminalProgram program(words);
  if (program.await(awaited)) {
    program.type(answer);
  }
  program.wait();
  return program.said();
}

TEST_F(QtTapOptions, QemuRunsUnderGdbAtTheTerminal) {
  if (!find_program("gdb") && !find_program("gdb-multiarch")) {
    GTEST_SKIP() << "no gdb on this host";
  }
  const ScopedVariable no_startup("HOME", folder.path()); // no .gdbinit
  const std::string said =
      on_terminal({tool("qt-tap"), "--output", output, "--gdb", m_good}, "(gdb) ", "run\n");
  EXPECT_THAT(said, HasSubstr("the machine 'default' is under gdb: type run"));
  EXPECT_THAT(said, HasSubstr("ok 1 a\r\n")) << said;
  const std::string run_dir = output + "/riscv64/good.a";
  expect_same(noted(run_dir), printed({"--gdb"}, m_good));
  EXPECT_THAT(read_file(run_dir + "/base.log"), HasSubstr("QEMU exited 0"));
  // And what the test finds out of QEMU's end is right: an exit that was not asked for.
  const std::string quits =
      on_terminal({tool("qt-tap"), "--output", output, "--gdb", m_good}, "(gdb) ", "quit 5\n");
  EXPECT_THAT(quits, HasSubstr("not ok 1 a\r\n")) << quits;
  EXPECT_EQ(exit_status_of(run({"--gdb", "--jobs", "2", m_good}).status.wait_status), 2);
}

TEST_F(QtTapOptions, ARunWithAPersonIsWhatADryRunPrints) {
  const std::string said = on_terminal({tool("qt-tap"), "--output", output, "--break", "1", m_good},
                                       "what you type goes there", "\x01x");
  EXPECT_THAT(said, HasSubstr("ok 1 a # touched by hand at step 1\r\n")) << said;
  expect_same(noted(output + "/riscv64/good.a"), printed({"--break", "1"}, m_good));
}

// Whether the scratch folder stays is no command of the run: the script removes it as the run does.
TEST_F(QtTapOptions, ADryRunRemovesTheScratchFolderUnlessItIsKept) {
  const std::string removal = format("\nrm -rf {}/riscv64/good.a/scratch\n", output);
  const std::string removed = run({"--dry-run", m_good}).out;
  EXPECT_TRUE(removed.ends_with(removal)) << removed;
  EXPECT_FALSE(run({"--keep-scratch", "--dry-run", m_good}).out.ends_with(removal));
}

// Without an end there is no deadline, and else it is what the definition says.
TEST_F(QtTapOptions, ADryRunHasTheTimeOfTheRun) {
  EXPECT_THAT(printed({}, m_good), Contains(ContainsRegex("qt-expect'? --timeout 8")));
  EXPECT_THAT(printed({"--timeout", "none"}, m_good), Not(Contains(HasSubstr("--timeout"))));
}

} // namespace
} // namespace qt
