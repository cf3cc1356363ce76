// Every cause of a verdict, brought about with a real QEMU by a definition, as people see it: the
// report on stderr and verdict.json.
#include "boot_fixture.hh"
#include "environment.hh"
#include "x86_payload.hh"

#include <chrono>
#include <map>

namespace qt {
namespace {

using namespace support;
using testing::HasSubstr;
using testing::Not;

class Causes : public testing::Test {
protected:
  Causes() {
    write_file(path("reset"), riscv32_writing(0x7777, When::late));
    write_file(path("nine"), riscv32_payload(9));
    write_file(path("zeros"), std::string(4096, '\0'));
  }
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }
  std::string run_dir() const { return path("out/" + m_arch + "/it.one"); }

  Words command(const std::string& arch, const std::string& text) {
    m_arch = arch;
    const std::string file = format("{}/{}/it.toml", m_folder.path(), arch);
    make_directories(parent_of(file));
    write_file(file, text);
    return {support::tool("qt-tap"), "--output", path("out"), file};
  }
  // What happens to [test.one] with these keys and what stands after them.
  Verdict verdict_of(const std::string& arch, const std::string& keys) {
    const Words words = command(arch, "[test.one]\n" + keys);
    const auto result = run_captured(words, {}, Deadline::after(std::chrono::minutes(1)));
    m_report = result->err;
    m_tap = result->out;
    if (variable("QEMU_TEST_SHOW_REPORTS") == "1") {
      std::fputs((m_report + "\n").c_str(), stdout);
    }
    return read_verdict(run_dir()).value_or(Verdict{});
  }
  // The same for a cause that fails the test.
  Verdict failure(Cause cause, const std::string& arch, const std::string& keys) {
    const Verdict verdict = verdict_of(arch, keys);
    EXPECT_EQ(cause_name(verdict.cause), cause_name(cause)) << m_report;
    EXPECT_THAT(m_report, HasSubstr(format("one: {}: ", cause_name(cause))));
    EXPECT_THAT(m_report, HasSubstr("logs: " + run_dir()));
    EXPECT_THAT(m_report, HasSubstr("again: "));
    EXPECT_THAT(m_tap, HasSubstr("not ok 1 one"));
    return verdict;
  }

  // A PC that runs nothing but `code`; `args`: more of QEMU's arguments, each with its comma.
  std::string x86(const std::string& name, std::string_view code, const std::string& args) const {
    write_file(path(name), x86_bios(code));
    return format("machine = \"pc\"\nargs = [{}\"-bios\", \"{}\"]\n", args, path(name));
  }

  TempDir m_folder{"qt-causes-test-"};
  std::string m_arch;
  std::string m_report;
  std::string m_tap;
  const ScopedVariable m_binary{"QEMU_TEST_QEMU_BINARY", std::nullopt};
  const ScopedVariable m_cache{"QEMU_TEST_CACHE_DIR", m_folder.path() + "/cache"};
  const ScopedVariable m_offline{"QEMU_TEST_NO_DOWNLOAD", std::nullopt};
};

constexpr const char* k_virt = "machine = \"virt\"\n";

TEST_F(Causes, Pass) {
  NEED(k_riscv64);
  const Verdict verdict =
      verdict_of("riscv64", std::string(k_virt) + "steps = [{ wait = \"OpenSBI\" }]");
  EXPECT_EQ(verdict.cause, Cause::pass) << m_report;
  EXPECT_THAT(m_tap, HasSubstr("\nok 1 one"));
  EXPECT_EQ(m_report, "");
}

TEST_F(Causes, Assertion) {
  NEED(k_riscv64);
  failure(Cause::assertion, "riscv64",
          std::string(k_virt) +
              "steps = [{ qmp = \"query-status\", returns = { status = \"paused\" } }]");
  EXPECT_THAT(m_report, HasSubstr("paused"));
}

TEST_F(Causes, FailPattern) {
  NEED(k_riscv64);
  failure(Cause::fail_pattern, "riscv64",
          std::string(k_virt) + "fail = [\"Platform Name\"]\nsteps = [{ wait = \"nosuch\" }]");
}

// The firmware panics within milliseconds, often before QEMU would tell anybody.
TEST_F(Causes, GuestPanic) {
  NEED("qemu-system-s390x");
  failure(Cause::guest_panic, "s390x",
          "machine = \"s390-ccw-virtio\"\nsteps = [{ wait = \"nosuch\" }]");
}

// QEMU would end with 0.
TEST_F(Causes, GuestPanicThatNoMonitorTells) {
  NEED("qemu-system-s390x");
  const std::string machine = "machine = \"s390-ccw-virtio\"\nqmp = false\n";
  failure(Cause::qemu_exit, "s390x", machine + "exit = 0");
  failure(Cause::qemu_exit, "s390x", machine + "steps = [{ exit = 0 }]");
  for (const char* const wanted : {"\"any\"", "1"}) { // the status would be as wanted
    failure(Cause::timeout, "s390x", format("{}exit = {}\ntimeout = \"3s\"", machine, wanted));
  }
}

std::int64_t rounds() { return parse_integer(variable("QEMU_TEST_EARLY_ROUNDS")).value_or(5); }

// Its first instructions are the panic. Most rounds come too early for an event.
TEST_F(Causes, GuestPanicBeforeQemuReadsItsMonitors) {
  NEED_DEVICE(k_x86_64, "pvpanic");
  const std::string machine = x86("panic", k_x86_panic, "") + "pvpanic = true\n";
  for (std::int64_t round = rounds(); round > 0; --round) {
    failure(Cause::guest_panic, "x86_64", machine + "steps = [{ wait = \"nosuch\" }]");
    const Verdict wanted =
        verdict_of("x86_64", machine + "steps = [{ event = \"GUEST_PANICKED\" }, { exit = 0 }]");
    ASSERT_EQ(wanted.cause, Cause::pass) << m_report;
  }
}

// Some versions of QEMU die if a command is still to be read when they end.
TEST_F(Causes, GuestResetBeforeQemuReadsItsMonitors) {
  NEED(k_x86_64);
  const std::string machine = x86("reset-at-once", k_x86_reset, "\"-no-reboot\", ");
  for (std::int64_t round = rounds(); round > 0; --round) {
    ASSERT_EQ(verdict_of("x86_64", machine + "exit = 0").cause, Cause::pass) << m_report;
    ASSERT_EQ(verdict_of("x86_64", machine + "steps = [{ exit = 0 }]").cause, Cause::pass)
        << m_report;
  }
  failure(Cause::qemu_exit, "x86_64", machine + "exit = 1");
}

TEST_F(Causes, GuestEndBeforeQemuReadsItsMonitorsKeepsItsStatus) {
  NEED(k_riscv32);
  const std::string machine =
      std::string(k_virt) + "args = [\"-bios\", \"" + path("nine") + "\"]\n";
  EXPECT_EQ(verdict_of("riscv32", machine + "exit = 9").cause, Cause::pass) << m_report;
  failure(Cause::qemu_exit, "riscv32", machine + "exit = 0");
}

TEST_F(Causes, GuestEndBeforeQemuReadsItsMonitorsInAMachineThatIsNotToEnd) {
  NEED(k_x86_64);
  const Verdict verdict = verdict_of(
      "x86_64", x86("reset-at-once", k_x86_reset, "\"-no-reboot\", \"-no-shutdown\", ") +
                    "steps = [{ qmp = \"query-status\", until = { status = \"shutdown\" } }]");
  EXPECT_EQ(verdict.cause, Cause::pass) << m_report;
}

// The machine stays as QEMU would have left it.
TEST_F(Causes, GuestPanicInAMachineThatIsNotToEnd) {
  NEED_DEVICE(k_x86_64, "pvpanic");
  const Verdict verdict = verdict_of(
      "x86_64", x86("panic", k_x86_panic, "\"-no-shutdown\", ") +
                    "pvpanic = true\n"
                    "steps = [{ event = \"GUEST_PANICKED\", data = { action = \"pause\" } }, "
                    "{ qmp = \"query-status\", returns = { status = \"guest-panicked\" } }]");
  EXPECT_EQ(verdict.cause, Cause::pass) << m_report;
}

// mov dx,0x3f8; mov al,'X'; out dx,al: prints X on the first serial port.
constexpr std::string_view k_x86_say = "\xba\xf8\x03\xb0X\xee";
// mov dx,0x505; mov al,1; out dx,al: "panicked", and goes on if it may.
constexpr std::string_view k_x86_panic_and_go_on = "\xba\x05\x05\xb0\x01\xee";
// mov ecx,0x4000000; again: dec ecx; jnz again: a moment.
constexpr std::string_view k_x86_moment("\x66\xb9\x00\x00\x00\x04\x66\x49\x75\xfc", 10);

// qt-boot has settled its own changes before.
TEST_F(Causes, WhatATestAsksItsMonitorFirstHolds) {
  NEED_DEVICE(k_x86_64, "pvpanic");
  const std::string say(k_x86_say);
  const std::string reset =
      x86("reset-on-key", x86_on_key(say + std::string(k_x86_reset)), "\"-no-reboot\", ");
  const std::string panic =
      x86("panic-on-key", x86_on_key(say + std::string(k_x86_panic)), "") + "pvpanic = true\n";
  const auto steps = [](const char* action, const char* event, const char* status) {
    return format("steps = [{{ qmp = \"set-action\", arguments = {{ {} = \"pause\" }} }}, "
                  "{{ send = \"x\" }}, {{ wait = \"X\" }}, {{ event = \"{}\" }}, "
                  "{{ qmp = \"query-status\", returns = {{ status = \"{}\" }} }}]",
                  action, event, status);
  };
  for (std::int64_t round = rounds(); round > 0; --round) {
    EXPECT_EQ(verdict_of("x86_64", reset + steps("shutdown", "SHUTDOWN", "shutdown")).cause,
              Cause::pass)
        << m_report;
    EXPECT_EQ(
        verdict_of("x86_64", panic + steps("panic", "GUEST_PANICKED", "guest-panicked")).cause,
        Cause::pass)
        << m_report;
  }
}

TEST_F(Causes, AMachineThatEndsBeforeItRunsEnds) {
  NEED(k_x86_64);
  for (const char* const stopped : {"\"-S\"", "\"-incoming\", \"defer\""}) {
    const std::string machine = x86("still", "\xf4", format("{}, \"-no-reboot\", ", stopped)) +
                                "steps = [{ qmp = \"system_reset\" }, { exit = 0 }]";
    EXPECT_EQ(verdict_of("x86_64", machine).cause, Cause::pass) << m_report;
  }
}

// After the last step nobody waits for anything, but the machine has not ended.
TEST_F(Causes, GuestPanicAfterTheLastStep) {
  NEED_DEVICE(k_x86_64, "pvpanic");
  const std::string code =
      std::string(k_x86_say) + std::string(k_x86_moment) + std::string(k_x86_panic);
  for (const char* const exit : {"0", "\"any\""}) {
    failure(Cause::guest_panic, "x86_64",
            x86("late", x86_on_key(code), "") + "pvpanic = true\nexit = " + exit +
                "\nsteps = [{ qmp = \"query-status\" }, { send = \"x\" }, { wait = \"X\" }]");
  }
}

TEST_F(Causes, GuestPanicThatEndsNothing) {
  NEED_DEVICE(k_x86_64, "pvpanic");
  const std::string code = std::string(k_x86_panic_and_go_on) + std::string(k_x86_say) + "\xf4";
  const std::string none = "\"-action\", \"panic=none\", ";
  failure(Cause::guest_panic, "x86_64",
          x86("on-key", x86_on_key(code), none) +
              "pvpanic = true\nsteps = [{ qmp = \"query-status\" }, { send = \"x\" }, "
              "{ wait = \"X\" }]");
  // Before QEMU reads its monitors.
  const std::string early = x86("early", code, none) + "pvpanic = true\n";
  failure(Cause::guest_panic, "x86_64", early + "steps = [{ wait = \"X\" }]");
  const Verdict wanted =
      verdict_of("x86_64", early + "steps = [{ event = \"GUEST_PANICKED\" }, { wait = \"X\" }]");
  EXPECT_EQ(wanted.cause, Cause::pass) << m_report;
}

// QEMU's user network accepts whatever the guest would say, and this one says nothing.
TEST_F(Causes, AConnectionThatTheGuestHasNotTakenIsATimeout) {
  NEED_DEVICE(k_x86_64, "e1000");
  const std::string network = "\"-netdev\", \"user,id=n,hostfwd=tcp:127.0.0.1:${port.web}-:80\", "
                              "\"-device\", \"e1000,netdev=n\", ";
  failure(Cause::timeout, "x86_64",
          x86("still", "\xf4", network) + "steps = [{ qmp = \"query-status\" }, { tcp = "
                                          "\"127.0.0.1:${port.web}\", timeout = \"1s\" }]");
  EXPECT_THAT(m_report, HasSubstr("has accepted the connection, but not the guest"));
}

// Each step awaits one.
TEST_F(Causes, GuestPanicBesideOneThatIsAwaited) {
  NEED_DEVICE(k_x86_64, "pvpanic");
  // mov dx,0x3f8; in al,dx: takes the key.
  const std::string on_key =
      x86_on_key("\xba\xf8\x03\xec" + std::string(k_x86_panic_and_go_on) + std::string(k_x86_say));
  const std::string machine =
      x86("twice", on_key + on_key + "\xf4", "\"-action\", \"panic=none\", ") + "pvpanic = true\n";
  const std::string awaited = "{ send = \"a\" }, { event = \"GUEST_PANICKED\" }, { wait = \"X\" }";
  const std::string other = "{ send = \"b\" }, { wait = \"X\" }";
  failure(Cause::guest_panic, "x86_64", machine + format("steps = [{}, {}]", awaited, other));
  failure(Cause::guest_panic, "x86_64",
          machine + format("steps = [{}, {}]", other, awaited)); // the first is old news
  const Verdict both = verdict_of("x86_64", machine + format("steps = [{}, {}]", awaited, awaited));
  EXPECT_EQ(both.cause, Cause::pass) << m_report;
}

// What the human monitor of this QEMU calls an error, or does not know.
TEST_F(Causes, AnErrorOfTheHumanMonitorIsAnAssertion) {
  NEED(k_riscv64);
  for (const std::string line :
       {"device_add nonexistent", "info nonsense", "nonsense", "print 1+", "cpu 99", "stop now",
        "commit nosuch", "screendump /nonexistent/picture", "info skeys",
        "trace-event nosuch on"}) {
    failure(Cause::assertion, "riscv64",
            std::string(k_virt) + "steps = [{ hmp = \"" + line + "\" }]");
    const Verdict judged = verdict_of("riscv64", std::string(k_virt) + "steps = [{ hmp = \"" +
                                                     line + "\", matches = \".\" }]");
    EXPECT_EQ(judged.cause, Cause::pass) << line << ": " << m_report;
  }
  const Verdict fine = verdict_of(
      "riscv64", std::string(k_virt) +
                     "steps = [{ hmp = \"info version\" }, { hmp = \"stop\" }, { hmp = \"c\" }, "
                     "{ hmp = \"print 1+1\" }, { hmp = \"info registers\" }, "
                     "{ hmp = \"system_reset\" }]");
  EXPECT_EQ(fine.cause, Cause::pass) << m_report;
}

// Its lines end as those of any text, not as a terminal has them.
TEST_F(Causes, AReplyOfTheHumanMonitorHasPlainLineEnds) {
  NEED(k_riscv64);
  failure(Cause::assertion, "riscv64",
          std::string(k_virt) + R"(steps = [{ hmp = "info mtree", lacks = ": system\n" }])");
}

// Also if the steps have ended before QEMU has looked at its arguments.
TEST_F(Causes, AMachineThatQemuRefusesNeverPasses) {
  NEED(k_riscv64);
  const std::string refused = std::string(k_virt) + "args = [\"-device\", \"nosuch\"]\n";
  for (const std::string keys :
       {"qmp = false\nsteps = [{ run = [\"true\"] }]",
        "qmp = false\nsteps = [{ running = \"1ms\" }]",
        "qmp = false\nsteps = [{ kill = true }]\noutput = { lacks = \"x\" }",
        "steps = [{ kill = true }]\noutput = { lacks = \"x\" }"}) {
    failure(Cause::qemu_refused, "riscv64", refused + keys);
  }
}

TEST_F(Causes, APortIsJudgedOnceQemuHasOpenedItsOwn) {
  NEED(k_x86_64);
  const std::string machine = x86("idle", "\xeb\xfe", R"("-vnc", "127.0.0.1:${port.v-5900}", )");
  failure(Cause::assertion, "x86_64",
          machine + R"(steps = [{ tcp = "127.0.0.1:${port.v}", open = false }])");
  const Verdict open =
      verdict_of("x86_64", machine + R"(steps = [{ tcp = "127.0.0.1:${port.v}" }])");
  EXPECT_EQ(open.cause, Cause::pass) << m_report;
}

// "${NAME}" would stay in the steps that come, which then look for that.
TEST_F(Causes, AGroupThatTookNoPartIsNothingToSave) {
  NEED(k_riscv64);
  const Verdict verdict =
      failure(Cause::assertion, "riscv64",
              std::string(k_virt) + "steps = [{ wait-regex = 'OpenSBI (?:(?<rev>rev[0-9])|v)' }, "
                                    "{ run = ['echo'], stdout = { lacks = '${rev}' } }]");
  EXPECT_THAT(verdict.message, HasSubstr("nothing to save as 'rev': that group took no part"));
  const Verdict defines = verdict_of(
      "riscv64",
      std::string(k_virt) + "steps = [{ wait-regex = '(?(DEFINE)(?<n>[0-9]+))OpenSBI v(?&n)' }]");
  EXPECT_EQ(defines.cause, Cause::pass) << m_report;
  const std::string steps = "steps = [{ run = ['echo', 'running'], save = { st = ";
  failure(Cause::assertion, "riscv64", steps + "'(paused)?running' } }]");
  const Verdict fallback =
      verdict_of("riscv64", steps + "{ at = '(paused)?running', default = 'none' } } }, "
                                    "{ run = ['test', '${st}', '=', 'none'] }]");
  EXPECT_EQ(fallback.cause, Cause::pass) << m_report;
}

TEST_F(Causes, AnEventFromBeforeTheLastStepIsOldNews) {
  NEED(k_riscv64);
  failure(Cause::timeout, "riscv64",
          std::string(k_virt) + "steps = [{ qmp = \"stop\" }, { qmp = \"cont\" }, "
                                "{ sleep = \"10ms\" }, { event = \"STOP\", timeout = \"500ms\" }]");
  const Verdict verdict = verdict_of(
      "riscv64", std::string(k_virt) + "steps = [{ qmp = \"stop\" }, { event = \"STOP\" }, "
                                       "{ qmp = \"cont\" }, { event = \"RESUME\" }]");
  EXPECT_EQ(verdict.cause, Cause::pass) << m_report;
}

// What a test checks at its end says nothing of the machine; what that has said is kept.
TEST_F(Causes, AFailedCheckAtTheEndKeepsWhatCameBefore) {
  NEED(k_riscv64);
  const Verdict verdict = failure(
      Cause::assertion, "riscv64",
      std::string(k_virt) + "prepare = [{ run = [\"true\"] }]\nsteps = [{ wait = \"Boot HART\" }]\n"
                            "verify = [{ run = [\"false\"] }]");
  EXPECT_EQ(verdict.stage, "verify");
  ASSERT_EQ(verdict.steps.size(), 3u);
  EXPECT_EQ(verdict.steps[0].stage, "prepare");
  EXPECT_EQ(verdict.steps[1].stage, "steps");
  EXPECT_EQ(verdict.steps[1].step, "--wait 'Boot HART'");
  EXPECT_EQ(verdict.steps[2].stage, "verify");
  EXPECT_GE(verdict.steps[2].start, verdict.steps[1].start + verdict.steps[1].seconds);
  EXPECT_FALSE(verdict.last_lines.empty());
  EXPECT_THAT(m_report, HasSubstr("stage: verify"));
  const std::string log = read_file(dialogue_log_path(run_dir()));
  for (const std::string part : {"stage prepare", "stage steps", "= Boot HART", "stage verify"}) {
    EXPECT_THAT(log, HasSubstr(part));
  }
}

TEST_F(Causes, AFailedCheckAtTheEndKeepsTheLastLinesOfAllMachines) {
  NEED(k_riscv64);
  const Verdict verdict =
      failure(Cause::assertion, "riscv64",
              "machine = \"virt\"\nsteps = [{ wait = \"Boot HART\", vm = \"a\" }, { wait = \"Boot "
              "HART\", vm = "
              "\"b\" }]\nverify = [{ run = [\"false\"] }]\n[test.one.vm.a]\n[test.one.vm.b]\n");
  EXPECT_THAT(verdict.last_lines, testing::Contains(testing::StartsWith("a: ")));
  EXPECT_THAT(verdict.last_lines, testing::Contains(testing::StartsWith("b: ")));
}

// The first subtest has had nearly all of the file's time.
TEST_F(Causes, ATimeoutSaysWhoHadTheTime) {
  NEED(k_riscv64);
  const Words words = command(
      "riscv64", "timeout = \"10s\"\n[test.one]\n" + std::string(k_virt) +
                     "steps = [{ wait = \"Boot HART\" }, { sleep = \"7s\" }]\n[test.two]\n" +
                     k_virt + "steps = [{ wait = \"nosuch\" }]\n[test.three]\n" + k_virt +
                     "steps = [{ wait = \"nosuch\" }]\n");
  const auto result = run_captured(words, {}, Deadline::after(std::chrono::minutes(1)));
  EXPECT_THAT(result->out, testing::ContainsRegex(
                               "# timeout: .*; only [0-9.]+ m?s were left of the 10s for all: one "
                               "took [0-9.]+ s"));
  // The third has what is left of it, if anything.
  EXPECT_THAT(result->out,
              testing::ContainsRegex("(not run: the time is used up; 10s for all|left of "
                                     "the 10s for all): one took 7[^\n]*, two "));
}

// The watchdog fires when a key comes, so that its event finds listeners.
TEST_F(Causes, AWatchdogIsNamed) {
  NEED_DEVICE(k_x86_64, "ib700");
  const std::map<std::string, Cause> outcomes = {
      {"none", Cause::timeout}, {"pause", Cause::timeout}, {"poweroff", Cause::guest_reset}};
  for (const auto& [action, cause] : outcomes) {
    failure(cause, "x86_64",
            x86("watchdog", x86_on_key(k_x86_watchdog),
                format("\"-device\", \"ib700\", \"-action\", \"watchdog={}\", ", action)) +
                "steps = [{ qmp = \"query-status\" }, { send = \"x\" }, "
                "{ wait = \"nosuch\", timeout = \"1s\" }]");
    EXPECT_THAT(m_report, HasSubstr("a watchdog fired (action " + action + ")"));
  }
}

// A machine check that the processor is not ready to take: QEMU resets the machine.
TEST_F(Causes, AMemoryFailureIsNamed) {
  NEED(k_x86_64);
  failure(Cause::guest_reset, "x86_64",
          x86("idle", "\xeb\xfe", "") + "steps = [{ hmp = \"mce 0 1 0xb200000000000000 0 0 0\" }, "
                                        "{ wait = \"nosuch\", timeout = \"1s\" }]");
  EXPECT_THAT(m_report, HasSubstr("a memory failure was reported (guest, action reset)"));
}

// SeaBIOS reads the boot sector.
TEST_F(Causes, ADiskErrorThatStopsTheMachineIsOfTheHost) {
  NEED_DEVICE(k_x86_64, "ide-hd");
  write_file(path("disk"), std::string(1 << 20, '\0'));
  const Verdict verdict = failure(
      Cause::host, "x86_64",
      "machine = \"pc\"\nargs = [\"-blockdev\", '{\"driver\":\"blkdebug\",\"node-name\":\"bad\","
      "\"image\":{\"driver\":\"file\",\"filename\":\"" +
          path("disk") +
          "\"},\"inject-error\":[{\"event\":\"none\",\"iotype\":\"read\",\"errno\":5}]}', "
          "\"-device\", \"ide-hd,drive=bad,rerror=stop\"]\nsteps = [{ wait = \"nosuch\" }]");
  if (m_report.find("nknown driver 'blkdebug'") != std::string::npos) {
    GTEST_SKIP() << k_x86_64 << " has no blkdebug";
  }
  EXPECT_THAT(verdict.message, HasSubstr("the machine stands still: read error on bad"));
  EXPECT_THAT(verdict.message, HasSubstr("Input/output error"));
}

TEST_F(Causes, GuestReset) {
  NEED(k_riscv32);
  failure(Cause::guest_reset, "riscv32",
          std::string(k_virt) + "args = [\"-no-reboot\", \"-bios\", \"" + path("reset") +
              "\"]\nsteps = [{ wait = \"nosuch\" }]");
}

TEST_F(Causes, QemuCrash) {
  NEED(k_arm);
  const Verdict verdict = failure(Cause::qemu_crash, "arm",
                                  "machine = \"lm3s6965evb\"\nargs = [\"-kernel\", \"" +
                                      path("zeros") + "\"]\nsteps = [{ wait = \"nosuch\" }]");
  EXPECT_THAT(verdict.message, HasSubstr("SIGABRT"));
  EXPECT_THAT(m_report, HasSubstr("Lockup"));
}

TEST_F(Causes, QemuExit) {
  NEED(k_riscv32);
  const Verdict verdict = failure(Cause::qemu_exit, "riscv32",
                                  std::string(k_virt) + "args = [\"-bios\", \"" + path("nine") +
                                      "\"]\nsteps = [{ wait = \"nosuch\" }]");
  EXPECT_THAT(verdict.message, HasSubstr("9"));
  EXPECT_THAT(m_report, HasSubstr("HELLO"));
}

// Newer ones call that a panic when they tell of it.
TEST_F(Causes, QemuExitThatQemuHasToldOf) {
  NEED(k_riscv32);
  write_file(path("late"), riscv32_writing((9U << 16) | 0x3333, When::late));
  failure(Cause::qemu_exit, "riscv32",
          std::string(k_virt) + "args = [\"-bios\", \"" + path("late") +
              "\"]\nsteps = [{ wait = \"nosuch\" }]");
}

TEST_F(Causes, QemuRefused) {
  NEED(k_riscv64);
  failure(Cause::qemu_refused, "riscv64",
          std::string(k_virt) +
              "args = [\"-device\", \"nosuch\"]\nsteps = [{ wait = \"OpenSBI\" }]");
  EXPECT_THAT(m_report, HasSubstr("'nosuch' is not a valid device model name"));
}

TEST_F(Causes, Timeout) {
  NEED(k_riscv64);
  const Verdict verdict = failure(Cause::timeout, "riscv64",
                                  std::string(k_virt) + "steps = [{ wait = \"OpenSBI\" }, "
                                                        "{ wait = \"nosuch\", timeout = \"1s\" }]");
  EXPECT_EQ(verdict.awaited, "nosuch");
  EXPECT_FALSE(verdict.last_lines.empty());
  EXPECT_TRUE(verdict.details.contains("registers"));
}

// However much is typed: what the relay holds and what lies in the sockets on both sides counts.
TEST_F(Causes, TimeoutOfAWedgedGuestSaysHowManyBytesItHasNotTaken) {
  NEED(k_riscv64);
  for (const std::size_t size : {200UL, 100'000UL}) {
    const std::string send = "{ send = \"" + std::string(size, 'k') + "\", timeout = \"1s\" }, ";
    const std::string sends = size < 1000 ? send : send + send + send + send + send + send + send;
    const Verdict verdict = failure(Cause::timeout, "riscv64",
                                    std::string(k_virt) + "args = [\"-S\"]\nsteps = [" + sends +
                                        "{ wait = \"nosuch\", timeout = \"1s\" }]");
    const std::size_t typed = verdict.details.value("typed-bytes", 0UL);
    const std::size_t untaken = verdict.details.value("typed-bytes-not-taken", 0UL);
    EXPECT_GE(typed, size);
    EXPECT_GE(untaken + 20, typed) << "more than a UART's FIFO holds is missing";
    EXPECT_THAT(m_report, HasSubstr(format("; {} of {} typed bytes were not taken by the guest",
                                           untaken, typed)));
  }
}

TEST_F(Causes, APictureIsTakenOfADisplayOnly) {
  NEED_DEVICE(k_x86_64, "bochs-display");
  const std::string steps = "steps = [{ wait = \"nosuch\", timeout = \"500ms\" }]";
  const Verdict blind = failure(Cause::timeout, "x86_64", x86("idle", "\xeb\xfe", "") + steps);
  EXPECT_FALSE(blind.details.contains("screen"));
  EXPECT_FALSE(exists(run_dir() + "/default.screen.png"));
  const Verdict seeing =
      failure(Cause::timeout, "x86_64",
              x86("idle", "\xeb\xfe", "\"-device\", \"bochs-display\", ") + steps);
  EXPECT_TRUE(seeing.details.contains("screen"));
  const std::string picture = seeing.details.value("screen", "");
  EXPECT_TRUE(picture.ends_with("/default.screen.png") || picture.ends_with("/default.screen.ppm"));
  EXPECT_TRUE(exists(picture)) << picture;
}

TEST_F(Causes, IdleTimeout) {
  NEED(k_riscv64);
  const Verdict verdict =
      failure(Cause::idle_timeout, "riscv64",
              std::string(k_virt) + "steps = [{ wait = \"OpenSBI\" }, "
                                    "{ wait = \"nosuch\", idle-timeout = \"1s\" }]");
  EXPECT_THAT(m_report, HasSubstr("; the idle-timeout is 1s"));
  EXPECT_EQ(verdict.awaited, "nosuch");
  EXPECT_TRUE(verdict.details.contains("registers"));
}

TEST_F(Causes, ConsoleEof) {
  NEED(k_riscv64);
  failure(Cause::console_eof, "riscv64",
          std::string(k_virt) +
              "steps = [{ wait = \"OpenSBI\" }, { quit = true }, { wait = \"nosuch\" }]");
}

TEST_F(Causes, Skip) {
  NEED(k_riscv64);
  verdict_of("riscv64", "machine = \"nosuch\"\nsteps = [{ wait = \"OpenSBI\" }]");
  EXPECT_THAT(m_tap, HasSubstr("# SKIP"));
  EXPECT_THAT(m_tap, Not(HasSubstr("not ok")));
}

TEST_F(Causes, Asset) {
  NEED(k_riscv64);
  failure(Cause::asset, "riscv64",
          std::string(k_virt) + "args = [\"-bios\", \"${file.f}\"]\nsteps = [{ wait = \"x\" }]\n" +
              "[asset.a]\npath = \"" + path("zeros") + "\"\n[file.f]\nfrom = \"a\"\n" +
              "member = \"nosuch\"\n");
}

TEST_F(Causes, Host) {
  NEED(k_riscv64);
  failure(Cause::host, "riscv64",
          std::string(k_virt) + "steps = [{ run = [\"no-such-command\"] }]");
}

// As Meson does it: SIGTERM to the group, SIGKILL half a second later.
TEST_F(Causes, AVerdictIsThereHalfASecondAfterSigterm) {
  NEED(k_riscv64);
  NEED("setsid");
  Words words = command("riscv64", std::string("[test.one]\n") + k_virt +
                                       "steps = [{ wait = \"Boot HART\" }, { wait = \"nosuch\" }]");
  words.insert(words.begin(), "setsid");
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  SpawnOptions options;
  options.standard_input = options.standard_output = options.standard_error = null.get();
  Process process = Process::spawn(words, options);
  const Deadline up = Deadline::after(std::chrono::seconds(20));
  while (read_tail(dialogue_log_path(run_dir()), 4096).find("step 2") == std::string::npos &&
         !up.expired()) {
    ::usleep(1000);
  }
  ::kill(-process.pid(), SIGTERM);
  ::usleep(500000);
  ::kill(-process.pid(), SIGKILL);
  process.wait(Deadline::after(std::chrono::seconds(10)));
  const auto verdict = read_verdict(run_dir());
  ASSERT_TRUE(verdict.has_value());
  EXPECT_THAT(verdict->message, HasSubstr("SIGTERM"));
  EXPECT_THAT(verdict->step, HasSubstr("nosuch"));
  EXPECT_FALSE(verdict->last_lines.empty());
  EXPECT_THAT(read_file(base_log_path(run_dir())), HasSubstr("verdict"));
}

} // namespace
} // namespace qt
