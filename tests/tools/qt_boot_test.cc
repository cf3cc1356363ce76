// qt-boot as a process, with real emulators.
#include "boot_fixture.hh"

#include <pty.h>
#include <sys/resource.h>
#include <termios.h>

namespace qt {
namespace {

using namespace support;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class QtBoot : public BootFixture {};

TEST_F(QtBoot, RunsAProgramAgainstTheConsoleAndEndsQemuInOrder) {
  NEED(k_riscv64);
  const Captured result = run_riscv({"wait", "OpenSBI", "qmp"});
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("{\"QMP\":")) << "the monitor is not fresh";
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(cause(), "pass");
  EXPECT_THAT(console_log(), HasSubstr("OpenSBI"));
  EXPECT_THAT(base_log(), HasSubstr("QEMU exited 0"));
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(QtBoot, GivesASlowReaderEveryByteOfAFlood) {
  NEED(k_riscv64);
  for (const char* const machine : {"sifive_u", "spike"}) {
    const Captured result = run({"--qemu", k_riscv64, "--machine", machine}, {},
                                {"pause", "1000", "wait", "Boot HART MEDELEG"});
    EXPECT_EQ(code_of(result), 0) << machine << " " << result.err;
  }
}

TEST_F(QtBoot, TypesWhatTheProgramWrites) {
  NEED(k_riscv64);
  const std::string firmware = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin";
  if (!exists(firmware)) {
    GTEST_SKIP() << "no " << firmware;
  }
  const Captured result = run({"--qemu", k_riscv64, "--machine", "virt"}, {"-bios", firmware},
                              {"wait", "Hit any key", "type", "\\r", "wait", "=> ", "type",
                               "echo $arch\\r", "wait", "\nriscv"});
  EXPECT_EQ(code_of(result), 0) << result.err << console_log();
}

TEST_F(QtBoot, TellsTheProgramHowQemuEndedAfterItsLastByte) {
  NEED(k_riscv32);
  const Captured result =
      run_ending(9, {"wait", "HELLO", "console-end", "exit-line"}, {"--exit", "9"});
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_EQ(result.out, "exited 9\n");
}

TEST_F(QtBoot, TellsAProgramThatDoesNotReadTheConsole) {
  NEED(k_riscv32);
  const Captured result = run_ending(0, {"exit-line"});
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_EQ(result.out, "exited 0\n");
}

TEST_F(QtBoot, JudgesTheExitThatIsAskedFor) {
  NEED(k_riscv32);
  EXPECT_EQ(code_of(run_ending(9, {"console-end"})), 1);
  EXPECT_EQ(cause(), "qemu-exit");
  EXPECT_EQ(code_of(run_ending(9, {}, {"--exit", "any"})), 0);
  const Captured other = run_ending(9, {}, {"--exit", "0"});
  EXPECT_EQ(code_of(other), 1);
  EXPECT_EQ(cause(), "qemu-exit");
  EXPECT_THAT(other.err, HasSubstr("QEMU exited 9; it was to end by itself with 0"));
  EXPECT_EQ(other.out, "HELLO\r\n");
}

TEST_F(QtBoot, WaitsForTheExitThatIsAskedForButNotForEver) {
  NEED(k_riscv64);
  EXPECT_EQ(code_of(run_riscv({"wait", "OpenSBI"}, {"--exit", "0", "--timeout", "1s"})), 1);
  EXPECT_EQ(cause(), "qemu-exit");
  EXPECT_THAT(verdict().message, HasSubstr("still running"));
}

TEST_F(QtBoot, JudgesWhatQemuItselfSays) {
  NEED(k_riscv64);
  const auto with = [this](const Words& checks) {
    Words options = {"--qemu", k_riscv64, "--machine", "virt", "--exit", "1"};
    options.insert(options.end(), checks.begin(), checks.end());
    return code_of(run(options, {"-device", "nosuch"}, {}));
  };
  EXPECT_EQ(with({"--output", "is not a valid device", "--output-lacks", "Segmentation"}), 0);
  EXPECT_EQ(with({"--output-matches", "'no[a-z]+' is not a .* name$"}), 0);
  EXPECT_EQ(with({"--output-lacks", "valid device"}), 1);
  EXPECT_EQ(cause(), "assertion");
  EXPECT_EQ(with({"--output", "valid", "--output", "model name"}), 0);
  EXPECT_EQ(with({"--output", "valid", "--output", "never said"}), 1);
  EXPECT_EQ(with({"--output-lacks", "valid device", "--output-lacks", "never said"}), 1);
  EXPECT_EQ(with({"--output-matches", "("}), 2);
}

TEST_F(QtBoot, ServesTheRequestsOfTheProgram) {
  NEED(k_riscv64);
  const Captured quit = run_riscv({"wait", "OpenSBI", "ask", "quit", "console-end", "exit-line"});
  EXPECT_EQ(code_of(quit), 0) << quit.err;
  EXPECT_EQ(quit.out, "exited 0\n");
  const Captured killed = run_riscv({"wait", "OpenSBI", "ask", "kill", "console-end", "exit-line"});
  EXPECT_EQ(code_of(killed), 0) << killed.err;
  EXPECT_EQ(killed.out, "killed SIGKILL\n");
  EXPECT_EQ(cause(), "pass");
}

TEST_F(QtBoot, PassesTheProgramsStatusOn) {
  NEED(k_riscv64);
  EXPECT_EQ(code_of(run_riscv({"end", "5"})), 5);
  EXPECT_EQ(cause(), "host");
  EXPECT_EQ(code_of(run_riscv({"verdict", "fail-pattern", "end", "1"})), 1);
  EXPECT_EQ(verdict().message, "from the program");
  EXPECT_EQ(code_of(run_riscv({"end", "77"})), 77);
  EXPECT_EQ(cause(), "skip");
  EXPECT_EQ(code_of(run_riscv({"crash"})), 128 + SIGSEGV);
  EXPECT_THAT(verdict().message, HasSubstr("SIGSEGV"));
}

TEST_F(QtBoot, SaysWhatCannotBeStarted) {
  write_file(path("plain"), "no program");
  const Captured no_qemu = run({"--qemu", "qemu-system-nosuch"}, {}, {"end", "0"});
  EXPECT_EQ(code_of(no_qemu), 127);
  EXPECT_THAT(no_qemu.err, HasSubstr("no such program; install it, or name another with --qemu"));
  EXPECT_THAT(no_qemu.err, HasSubstr("qemu-system-nosuch"));
  EXPECT_EQ(cause(), "host");
  EXPECT_EQ(code_of(run({"--qemu", path("plain")}, {}, {"end", "0"})), 126);
  EXPECT_EQ(code_of(run_words({program(), "--run-dir", run_dir(), "--", "--", "no-such-prog"})),
            127);
  EXPECT_EQ(code_of(run_words({program(), "--run-dir", run_dir(), "--", "--", path("plain")})),
            126);
}

TEST_F(QtBoot, RefusesAWrongCommandLine) {
  for (const Words& words :
       {Words{"--machin", "virt"}, Words{"--console", "99"}, Words{"--exit", "300"},
        Words{"--name", "a b"}, Words{"--fd", "987"}, Words{"--timeout", "5"}, Words{"operand"},
        Words{"--", "-m", "1G", "--"}, Words{"--service", "'unclosed"}, Words{"--output", ""},
        Words{"--output-lacks", ""}, Words{"--output-matches", ".*"}, Words{"--skip-if-output", ""},
        Words{"--machine", ""}}) {
    Words all = {program()};
    all.insert(all.end(), words.begin(), words.end());
    const Captured result = run_words(all);
    EXPECT_EQ(code_of(result), 2) << join(words, " ");
    EXPECT_THAT(result.err, StartsWith("qt-boot: error: ")) << join(words, " ");
  }
}

// QEMU would start, find nothing to boot, and say nothing for ever.
TEST_F(QtBoot, AsksForAMachine) {
  for (const Words& words : {Words{program()}, Words{program(), "--"}, Words{program(), "--", "--"},
                             Words{program(), "--run-dir", run_dir()}}) {
    const Captured result = run_words(words);
    EXPECT_EQ(code_of(result), 2) << join(words, " ");
  }
  EXPECT_THAT(run_words({program()}).err,
              StartsWith("qt-boot: error: which machine? Give --machine NAME"));
}

TEST_F(QtBoot, RefusesWhatMakesQemuLeave) {
  NEED(k_riscv64);
  for (const char* const word : {"-daemonize", "--daemonize"}) {
    const Captured result = run({"--qemu", k_riscv64, "--machine", "virt"}, {word}, {"hang"});
    EXPECT_EQ(code_of(result), 2);
    EXPECT_THAT(result.err, HasSubstr("aemonize: QEMU would leave qt-boot, which could neither"));
    EXPECT_THAT(orphans(), IsEmpty());
  }
}

TEST_F(QtBoot, RefusesADeviceWhoseNewsNobodyWouldHear) {
  NEED(k_x86_64);
  const Captured deaf =
      run({"--qemu", k_x86_64, "--qmp", "false"}, {"-device", "pvpanic,ioport=0x505"}, {"end"});
  EXPECT_EQ(code_of(deaf), 2);
  EXPECT_THAT(deaf.err, HasSubstr("nobody hears of a panic"));
}

TEST_F(QtBoot, CannotJudgeWithoutItsRunDirectory) {
  write_file(path("plain"), "no folder");
  const Captured result =
      run_words({program(), "--machine", "none", "--run-dir", path("plain") + "/run"});
  EXPECT_EQ(code_of(result), 99);
}

TEST_F(QtBoot, ItsDeadlineIsMultiplied) {
  NEED(k_riscv64);
  const ScopedVariable fast("QEMU_TEST_TIMEOUT_MULTIPLIER", "0.01");
  EXPECT_EQ(code_of(run_riscv({}, {"--timeout", "60s"})), 124);
  EXPECT_EQ(cause(), "timeout");
  EXPECT_THAT(read_verdict(run_dir())->message,
              HasSubstr("600ms (60s with QEMU_TEST_TIMEOUT_MULTIPLIER=0.01)"));
  const ScopedVariable wrong("QEMU_TEST_TIMEOUT_MULTIPLIER", "x");
  EXPECT_EQ(code_of(run_riscv({})), 2);
}

TEST_F(QtBoot, EndsAtItsDeadline) {
  NEED(k_riscv64);
  EXPECT_EQ(code_of(run_riscv({}, {"--timeout", "600ms"})), 124);
  EXPECT_EQ(cause(), "timeout");
  EXPECT_EQ(code_of(run_riscv({"hang"}, {"--timeout", "600ms"})), 124);
  EXPECT_EQ(cause(), "timeout");
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(QtBoot, KeepsEvidenceAtADeadline) {
  NEED(k_riscv64);
  const auto look = [this] {
    EXPECT_EQ(verdict().details["status"]["status"], "running");
    EXPECT_THAT(read_file(run_dir() + "/default.registers.txt"), HasSubstr("pc "));
  };
  EXPECT_EQ(code_of(run_riscv({"hang"}, {"--timeout", "600ms"})), 124);
  look();
  remove_tree(run_dir());
  EXPECT_EQ(code_of(run_riscv({"wait", "OpenSBI", "end", "124"})), 124);
  look();
  remove_tree(run_dir());
  EXPECT_EQ(code_of(run_riscv({"wait", "OpenSBI", "verdict", "timeout", "end", "124"})), 124);
  EXPECT_EQ(verdict().step, "--wait login:");
  look();
}

// Counts to 2^26, so that QEMU's monitor is up and tells events, then writes 1, "panicked", to the
// port of pvpanic. The last 64 KiB below 4 GiB begin at f000:0000.
std::string panicking_bios() {
  const std::string count("\x66\xb9\0\0\0\x04\x66\x49\x75\xfc", 10); // ecx = 2^26; dec, jnz
  const std::string panic("\xba\x05\x05\xb0\x01\xee\xf4", 7);        // out dx=0x505, al=1; hlt
  std::string image(65536, '\xf4');
  image.replace(0, count.size() + panic.size(), count + panic);
  image.replace(0xfff0, 5, std::string("\xea\0\0\0\xf0", 5)); // jmp f000:0000
  return image;
}

// The same for riscv64 -M virt and the PCI device in slot 1: places its BAR, enables it, writes 1.
std::string panicking_riscv64() {
  const std::array<std::uint32_t, 11> code = {
      0x04000e37, 0xfffe0e13, 0xfe0e1ee3,  // t3 = 2^26; addi -1, bnez
      0x300082b7, 0x40000337, 0x0062a823,  // t0 = config space, t1 = BAR; sw t1,0x10(t0)
      0x00200393, 0x0072a223,              // sw 2,4(t0)
      0x00100393, 0x00730023, 0x0000006f}; // sb 1,0(t1); loop
  return std::string(reinterpret_cast<const char*>(code.data()), code.size() * 4);
}

TEST_F(QtBoot, PvpanicTellsOfAPanicOnIsaAndOnPci) {
  const std::string bios = m_folder.path() + "/bios";
  const Words program = {"console-end", "exit-line", "verdict", "console-eof", "end", "1"};
  const auto check = [&](const Captured& result, std::string_view device) {
    EXPECT_EQ(code_of(result), 1);
    EXPECT_EQ(cause(), "guest-panic") << base_log();
    EXPECT_THAT(base_log(), HasSubstr(format("-device {} ", device)));
    EXPECT_THAT(base_log(), HasSubstr("event GUEST_PANICKED"));
  };
  if (find_program("qemu-system-x86_64")) {
    write_file(bios, panicking_bios());
    check(run({"--qemu", "qemu-system-x86_64", "--machine", "pc", "--pvpanic"},
              {"-bios", bios, "-no-reboot"}, program),
          "pvpanic");
  }
  if (find_program(k_riscv64)) {
    write_file(bios, panicking_riscv64());
    check(run({"--qemu", k_riscv64, "--machine", "virt", "--pvpanic"},
              {"-bios", bios, "-nic", "none", "-no-reboot"}, program),
          "pvpanic-pci");
  }
}

TEST_F(QtBoot, LeavesPvpanicOutWhereThereIsNoBus) {
  NEED("qemu-system-aarch64");
  const Captured result =
      run({"--qemu", "qemu-system-aarch64", "--machine", "raspi3b", "--pvpanic"}, {}, {"end", "0"});
  EXPECT_EQ(code_of(result), 0);
  EXPECT_THAT(result.err, HasSubstr("option --pvpanic: left out: the machine has neither"));
}

TEST_F(QtBoot, TellsARefusalFromAFailure) {
  NEED(k_riscv64);
  const Words machine = {"--qemu", k_riscv64, "--machine", "virt"};
  const Captured bare = run(machine, {"-device", "nosuch"}, {});
  EXPECT_EQ(code_of(bare), 1);
  EXPECT_EQ(cause(), "qemu-refused");
  EXPECT_THAT(bare.err, HasSubstr("'nosuch' is not a valid device model name"));
  const Captured seen =
      run(machine, {"-device", "nosuch"}, {"console-end", "verdict", "console-eof", "end", "1"});
  EXPECT_EQ(code_of(seen), 1);
  EXPECT_EQ(cause(), "qemu-refused");
  EXPECT_EQ(verdict().step, "--wait login:") << "what the program knew is lost";
  Words expecting = machine;
  expecting.insert(expecting.end(), {"--exit", "1"});
  EXPECT_EQ(code_of(run(expecting, {"-device", "nosuch"}, {})), 0);
}

TEST_F(QtBoot, SkipsWithoutTheMachineOrWithAKnownMessage) {
  NEED(k_riscv64);
  const Captured unknown = run({"--qemu", k_riscv64, "--machine", "vrit"}, {}, {"console-end"});
  EXPECT_EQ(code_of(unknown), 77);
  EXPECT_THAT(unknown.err, HasSubstr("has no machine vrit; did you mean 'virt'?\n"));
  EXPECT_EQ(cause(), "skip");
  EXPECT_EQ(code_of(run({"--qemu", k_riscv64, "--machine", "virt", "--skip-if-output",
                         "not a valid device"},
                        {"-device", "nosuch"}, {})),
            77);
  EXPECT_EQ(verdict().message, "not a valid device");
}

// Writes a text by semihosting: a1 = the text, a0 = SYS_WRITE0, and the three instructions that say
// it is such a call.
TEST_F(QtBoot, SemihostingIsAConsole) {
  NEED(k_riscv32);
  constexpr std::array<std::uint32_t, 7> k_code = {0x00000597, 0x01c58593, 0x00400513, 0x01f01013,
                                                   0x00100073, 0x40705013, 0x0000006f};
  write_file(path("payload"),
             std::string(reinterpret_cast<const char*>(k_code.data()), sizeof k_code) +
                 "SAID TO THE HOST\n" + std::string(8, '\0'));
  const Captured result =
      run({"--qemu", k_riscv32, "--machine", "virt", "--console", "semihosting"},
          {"-bios", path("payload")}, {"wait", "SAID TO THE HOST"});
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_EQ(console_log(), "SAID TO THE HOST\n");
}

TEST_F(QtBoot, ACrashOfQemuFailsEvenIfTheProgramPassed) {
  NEED(k_arm);
  write_file(path("zeros"), std::string(4096, '\0'));
  const Captured result = run({"--qemu", k_arm, "--machine", "lm3s6965evb"},
                              {"-kernel", path("zeros")}, {"console-end", "exit-line"});
  EXPECT_EQ(code_of(result), 1);
  EXPECT_EQ(result.out, "killed SIGABRT\n");
  EXPECT_EQ(cause(), "qemu-crash");
  EXPECT_THAT(result.err, HasSubstr("fatal: Lockup"));
}

TEST_F(QtBoot, ACrashFromOutsideIsFoundAndRefinesTheVerdict) {
  NEED(k_riscv64);
  Running chain = start(command(
      {"--qemu", k_riscv64, "--machine", "virt"}, {},
      {"wait", "OpenSBI", "say", "up", "console-end", "verdict", "console-eof", "end", "1"}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  signal_qemu(SIGSEGV);
  EXPECT_EQ(end_of(chain).code(), 1);
  EXPECT_EQ(cause(), "qemu-crash");
  EXPECT_EQ(verdict().step, "--wait login:");
}

// QEMU exits 0 then, as if its guest had powered off.
TEST_F(QtBoot, ASignalToQemuFromOutsideIsNoCleanExit) {
  NEED(k_riscv64);
  for (const char* const monitor : {"true", "false"}) {
    Running chain =
        start(command({"--qemu", k_riscv64, "--machine", "virt", "--qmp", monitor, "--exit", "0"},
                      {}, {"wait", "OpenSBI", "say", "up", "console-end"}));
    ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
    signal_qemu(SIGTERM);
    EXPECT_EQ(end_of(chain).code(), 1);
    EXPECT_EQ(cause(), "qemu-crash");
    EXPECT_THAT(verdict().message, HasSubstr("terminating on signal 15"));
  }
}

TEST_F(QtBoot, ShowsAHungQemuToGdbAndSaysWhyThereIsNoCore) {
  NEED(k_riscv64);
  NEED("gdb");
  Running hung = start(command({"--qemu", k_riscv64, "--machine", "virt", "--timeout", "5s"}, {},
                               {"wait", "OpenSBI", "say", "up", "hang"}));
  ASSERT_NO_FATAL_FAILURE(wait_for(hung, "up"));
  signal_qemu(SIGSTOP);
  EXPECT_EQ(end_of(hung).code(), 124);
  EXPECT_THAT(read_file(run_dir() + "/default.backtrace.txt"), HasSubstr("Thread 1"));
  Running crash = start(command({"--qemu", k_riscv64, "--machine", "virt"}, {},
                                {"wait", "OpenSBI", "say", "up", "console-end"}));
  ASSERT_NO_FATAL_FAILURE(wait_for(crash, "up"));
  signal_qemu(SIGSEGV);
  EXPECT_EQ(end_of(crash).code(), 1);
  EXPECT_EQ(cause(), "qemu-crash");
  const Json details = verdict().details;
  EXPECT_TRUE(details.contains("backtrace") || details.contains("no-backtrace"));
}

// As under "ulimit -c unlimited", where the system writes cores to files.
TEST_F(QtBoot, ShowsTheCoreOfACrashToGdb) {
  NEED(k_riscv64);
  NEED("gdb");
  const std::string pattern = read_file("/proc/sys/kernel/core_pattern");
  rlimit old = {};
  ::getrlimit(RLIMIT_CORE, &old);
  if (pattern.starts_with('|') || old.rlim_max != RLIM_INFINITY) {
    GTEST_SKIP() << "cores go to a program, or may not be written: " << pattern;
  }
  const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  ::setrlimit(RLIMIT_CORE, &unlimited);
  // The address sanitizer forbids cores to its program, and so to QEMU below it.
  const ScopedVariable sanitizer("ASAN_OPTIONS", variable("ASAN_OPTIONS") + ":disable_coredump=0");
  Running crash = start(command({"--qemu", k_riscv64, "--machine", "virt"}, {},
                                {"wait", "OpenSBI", "say", "up", "console-end"}),
                        m_folder.path());
  ::setrlimit(RLIMIT_CORE, &old);
  ASSERT_NO_FATAL_FAILURE(wait_for(crash, "up"));
  signal_qemu(SIGSEGV);
  EXPECT_EQ(end_of(crash).code(), 1);
  EXPECT_EQ(cause(), "qemu-crash");
  const std::string backtrace = read_file(verdict().details.value("backtrace", ""));
  EXPECT_THAT(backtrace, HasSubstr("terminated with signal SIGSEGV"));
  EXPECT_THAT(backtrace, HasSubstr("Thread 1"));
  EXPECT_TRUE(exists(run_dir() + "/default.core") || pattern.starts_with('/'));
}

TEST_F(QtBoot, KillsAQemuThatDoesNotEnd) {
  NEED(k_riscv64);
  Running chain = start(command({"--qemu", k_riscv64, "--machine", "virt"}, {},
                                {"wait", "OpenSBI", "say", "up", "pause", "200"}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  signal_qemu(SIGSTOP);
  EXPECT_EQ(end_of(chain).code(), 124);
  EXPECT_EQ(cause(), "timeout");
  EXPECT_THAT(verdict().message, HasSubstr("did not end when asked"));
  EXPECT_THAT(orphans(), IsEmpty());
}

// Stopped until it has been asked, so that the signal comes between that and its end.
TEST_F(QtBoot, ACrashOnTheWayToTheEndFailsToo) {
  NEED(k_riscv64);
  for (const int number : {SIGSEGV, SIGKILL}) {
    Running chain = start(command({"--qemu", k_riscv64, "--machine", "virt"}, {},
                                  {"wait", "OpenSBI", "say", "up", "pause", "200"}));
    ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
    signal_qemu(SIGSTOP);
    const Deadline asked = Deadline::after(std::chrono::seconds(20));
    while (base_log().find("asking QEMU to quit") == std::string::npos && !asked.expired()) {
      ::usleep(1000);
    }
    signal_qemu(number);
    signal_qemu(SIGCONT);
    EXPECT_EQ(end_of(chain).code(), 1);
    EXPECT_EQ(cause(), "qemu-crash");
    EXPECT_THAT(verdict().message, HasSubstr(signal_name(number)));
    remove_tree(run_dir());
  }
}

TEST_F(QtBoot, NestsForSeveralMachinesThatShareNoChannel) {
  NEED(k_riscv64);
  NEED(k_riscv32);
  write_file(path("payload"), riscv32_payload(0));
  Words words = command({"--qemu", k_riscv64, "--machine", "virt", "--name", "a"}, {}, {});
  words.emplace_back("--");
  const Words inner =
      command({"--qemu", k_riscv32, "--machine", "virt", "--name", "b"}, {"-bios", path("payload")},
              {"vm", "b", "wait", "HELLO", "exit-line", "vm", "a", "wait", "OpenSBI", "say", "up",
               "pause", "100"});
  words.insert(words.end(), inner.begin(), inner.end());
  const Captured result = run_words(words);
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_EQ(result.out, "exited 0\nup\n");
  EXPECT_THAT(read_file(console_log_path(run_dir(), "a")), HasSubstr("OpenSBI"));
  EXPECT_EQ(read_file(console_log_path(run_dir(), "b")), "HELLO\r\n");
  EXPECT_THAT(base_log(), HasSubstr("qt-boot a: QEMU exited 0"));
  EXPECT_THAT(base_log(), HasSubstr("qt-boot b: QEMU exited 0"));
}

TEST_F(QtBoot, TheInnerQemuInheritsNothingOfTheOuter) {
  NEED(k_riscv64);
  const Words machine = {"--qemu", k_riscv64, "--machine", "virt", "--name"};
  const auto named = [&machine](const std::string& name) {
    Words words = machine;
    words.push_back(name);
    return words;
  };
  Words words = command(named("a"), {}, {});
  words.emplace_back("--");
  const Words inner = command(named("b"), {}, {"wait", "OpenSBI", "say", "up", "hang"});
  words.insert(words.end(), inner.begin(), inner.end());
  Running chain = start(words);
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  int seen = 0;
  for (const pid_t pid : emulators()) {
    ++seen;
    int sockets = 0;
    for (int fd = 0; fd < 64; ++fd) {
      std::array<char, 64> target{};
      const std::string link = format("/proc/{}/fd/{}", pid, fd);
      if (::readlink(link.c_str(), target.data(), target.size() - 1) > 0) {
        sockets += std::string_view(target.data()).starts_with("socket:") ? 1 : 0;
      }
    }
    EXPECT_EQ(sockets, 3) << "console and two monitors";
  }
  EXPECT_EQ(seen, 2);
  chain.process.send_signal(SIGTERM);
  EXPECT_EQ(end_of(chain).code(), 128 + SIGTERM);
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(QtBoot, EndsWithTheReaderOfItsPipe) {
  NEED(k_riscv64);
  Running chain = start(command({"--qemu", k_riscv64, "--machine", "virt"}, {}, {}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "OpenSBI"));
  chain.out.reset();
  EXPECT_EQ(end_of(chain).wait_status, 0);
  EXPECT_EQ(cause(), "pass");
}

TEST_F(QtBoot, DoesNotSpinWithoutInput) {
  NEED(k_riscv64);
  Running chain = start(command({"--qemu", k_riscv64, "--machine", "virt"}, {}, {}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "OpenSBI"));
  ::usleep(500000);
  const std::string stat = read_file(format("/proc/{}/stat", chain.process.pid()));
  const Words fields = split(stat.substr(stat.rfind(')') + 2), ' ');
  EXPECT_LT(std::stol(fields.at(11)) + std::stol(fields.at(12)), 20) << "clock ticks of CPU time";
}

TEST_F(QtBoot, GivesATerminalBackAfterCtrlAX) {
  NEED(k_riscv64);
  int user_end = -1;
  int program_end = -1;
  if (::openpty(&user_end, &program_end, nullptr, nullptr, nullptr) != 0) {
    GTEST_SKIP() << "there are no pseudo-terminals here";
  }
  const UniqueFd user(user_end);
  const UniqueFd terminal(program_end);
  termios before;
  ::tcgetattr(terminal.get(), &before);
  SpawnOptions options;
  options.standard_input = options.standard_output = options.standard_error = terminal.get();
  Process boot =
      Process::spawn(command({"--qemu", k_riscv64, "--machine", "virt"}, {}, {}), options);
  std::string seen;
  std::array<std::byte, 4096> buffer;
  while (seen.find("OpenSBI") == std::string::npos) {
    const IoCount got = read_some(user.get(), buffer);
    ASSERT_EQ(got.result, IoResult::done);
    seen += text_of(std::span(buffer).first(got.count));
  }
  termios raw;
  ::tcgetattr(terminal.get(), &raw);
  EXPECT_EQ(raw.c_lflag & (ICANON | ECHO | ISIG), 0u);
  ASSERT_EQ(::write(user.get(), "\x01x", 2), 2);
  const auto status = boot.wait(Deadline::after(std::chrono::seconds(20)));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->wait_status, 0);
  termios after;
  ::tcgetattr(terminal.get(), &after);
  EXPECT_EQ(after.c_lflag, before.c_lflag);
  EXPECT_EQ(after.c_iflag, before.c_iflag);
}

TEST_F(QtBoot, ASignalEndsEverythingAndIsItsStatus) {
  NEED(k_riscv64);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    for (const bool stubborn : {false, true}) {
      Words words = {"wait", "OpenSBI"};
      if (stubborn) {
        words.emplace_back("ignore-term");
      }
      words.insert(words.end(), {"say", "up", "hang"});
      Running chain = start(command({"--qemu", k_riscv64, "--machine", "virt"}, {}, words));
      ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
      chain.process.send_signal(number);
      EXPECT_EQ(end_of(chain).code(), 128 + number);
      EXPECT_EQ(cause(), "host");
      EXPECT_THAT(orphans(), IsEmpty());
    }
  }
}

TEST_F(QtBoot, SupervisesDaemons) {
  NEED(k_riscv64);
  const Captured passed =
      run_riscv({"wait", "OpenSBI"},
                {"--service", "sh -c 'echo ready; exec sleep 1000'", "--service", "sleep 1000"});
  EXPECT_EQ(code_of(passed), 0) << passed.err;
  EXPECT_EQ(read_file(run_dir() + "/service.0.log"), "ready\n");
  EXPECT_THAT(base_log(), HasSubstr("service 1 (sleep) killed SIGTERM"));
  const Captured failed = run_riscv({"hang"}, {"--service", "sh -c 'exit 3'"});
  EXPECT_EQ(code_of(failed), 1);
  EXPECT_THAT(failed.err, HasSubstr("service 0 (sh) exited 3 while QEMU was running"));
  // Also where the program passes a moment later.
  const Captured quick = run_riscv({"wait", "OpenSBI"}, {"--service", "sh -c 'exit 3'"});
  EXPECT_EQ(code_of(quick), 1);
  EXPECT_THAT(quick.err, HasSubstr("service 0 (sh) exited 3 while QEMU was running"));
  EXPECT_EQ(code_of(run_riscv({"end", "0"}, {"--service", "no-such-daemon"})), 127);
}

TEST_F(QtBoot, HandsDescriptorsOnOnlyIfAsked) {
  NEED(k_riscv64);
  const UniqueFd file = open_file(path("file"), O_RDWR | O_CREAT);
  const std::string number = std::to_string(file.get());
  const Words words = {"-add-fd", "fd=" + number + ",set=1"};
  const auto run_with = [&](const Words& options) {
    SpawnOptions spawn;
    spawn.keep = {file.get()};
    return code_of(run_captured(command(options, words, {"wait", "OpenSBI"}), spawn,
                                Deadline::after(std::chrono::minutes(1)))
                       .value());
  };
  EXPECT_EQ(run_with({"--qemu", k_riscv64, "--machine", "virt", "--fd", number}), 0);
  EXPECT_EQ(run_with({"--qemu", k_riscv64, "--machine", "virt"}), 1);
}

TEST_F(QtBoot, WorksWithoutMonitorOrConsole) {
  NEED(k_riscv64);
  EXPECT_EQ(code_of(run_riscv({"wait", "OpenSBI"}, {"--qmp", "false"})), 0);
  EXPECT_THAT(base_log(), Not(HasSubstr("-qmp")));
  EXPECT_EQ(code_of(run_riscv({"qmp"}, {"--console", "false"})), 0);
}

TEST_F(QtBoot, TakesADeviceAsConsole) {
  NEED("qemu-system-ppc64");
  EXPECT_EQ(
      code_of(run({"--qemu", "qemu-system-ppc64", "--machine", "pseries", "--console", "spapr-vty"},
                  {}, {"wait", "SLOF"})),
      0);
}

// Else nobody could say of a machine: output = { lacks = "warning" }.
TEST_F(QtBoot, GivesQemuNoOptionThatItWarnsOf) {
  NEED(k_x86_64);
  const ScopedVariable backdoor("QEMU_TEST_QMP_BACKDOOR", path("backdoor"));
  struct Case {
    Words options;
    Words arguments;
  };
  const std::vector<Case> cases = {
      {{}, {}},
      {{"--console", "2"}, {}},
      {{"--console", "false"}, {}},
      {{"--console", "virtconsole"}, {"-device", "virtio-serial"}},
      {{"--cpu", "max", "--accel", "tcg"}, {}},
      {{"--pvpanic"}, {}},
      {{"--confine", "sandbox"}, {}},
  };
  for (const auto& [options, arguments] : cases) {
    Words words = {"--qemu", k_x86_64, "--machine", "pc"};
    words.insert(words.end(), options.begin(), options.end());
    const Captured result = run(words, arguments, {"qmp"});
    EXPECT_EQ(code_of(result), 0) << join(options, " ") << result.err;
    EXPECT_EQ(read_file(qemu_log_path(run_dir(), k_default_vm)), "") << join(options, " ");
  }
}

TEST_F(QtBoot, UsesTheEmulatorOfTheEnvironment) {
  NEED(k_riscv32);
  const ScopedVariable binary("QEMU_TEST_QEMU_BINARY", k_riscv32);
  write_file(path("payload"), riscv32_payload(0));
  EXPECT_EQ(code_of(run({"--machine", "virt"}, {"-bios", path("payload")}, {"wait", "HELLO"})), 0);
}

TEST_F(QtBoot, KeepsAFolderOfItsOwnOnlyWithSomethingToSee) {
  NEED(k_riscv32);
  const ScopedVariable folder("TMPDIR", m_folder.path());
  write_file(path("payload"), riscv32_payload(0));
  const Words words = {program(), "--qemu", k_riscv32, "--machine", "virt"};
  const auto with = [&words](const Words& more) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const Captured passed = run_words(with({"--exit", "0", "--", "-bios", path("payload")}));
  EXPECT_EQ(code_of(passed), 0);
  EXPECT_EQ(passed.err, "");
  EXPECT_EQ(run_words({"ls", m_folder.path()}).out, "payload\n");
  const Captured failed = run_words(with({"--exit", "1", "--", "-bios", path("payload")}));
  EXPECT_EQ(code_of(failed), 1);
  EXPECT_THAT(failed.err, HasSubstr("logs: " + m_folder.path()));
}

TEST_F(QtBoot, AForgottenDoubleDashIsNamed) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"-bios", "none"},
                                                {"sh", "-c", "true"},
                                                {"--", "sh", "-c", "true"}}) {
    std::vector<std::string> all = {program(), "--machine", "virt"};
    all.insert(all.end(), words.begin(), words.end());
    const Captured wrong = run_words(all);
    EXPECT_EQ(code_of(wrong), 2) << join(words, " ");
    EXPECT_THAT(wrong.err, HasSubstr("after a second")) << join(words, " ");
  }
}

TEST_F(QtBoot, HelpFitsAPage) {
  const Captured help = run_words({program(), "--help"});
  EXPECT_EQ(code_of(help), 0);
  for (const std::string& line : split(help.out, '\n')) {
    EXPECT_LE(line.size(), 90u) << line; // 80 columns; bytes of UTF-8 count more
  }
}

} // namespace
} // namespace qt
