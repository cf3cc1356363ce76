// Looking at a machine from outside its test: --attach, and machines that are kept (--on-fail).
#include "boot/viewers.hh"
#include "boot_fixture.hh"
#include "environment.hh"
#include "ipc/run_dir.hh"
#include "os/unix_socket.hh"
#include "terminal_program.hh"
#include "x86_payload.hh"

#include <chrono>
#include <thread>

namespace qt {
namespace {

using namespace support;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

class Attach : public BootFixture {
protected:
  static std::string expect() { return support::tool("qt-expect"); }
  Words riscv(const Words& chain, Words options = {}) const {
    options.insert(options.end(), {"--qemu", k_riscv64, "--machine", "virt"});
    return command(options, {}, chain);
  }
  // Another program that talks to the machines of the run.
  Captured look(Words steps) const {
    Words words = {expect(), "--attach", run_dir(), "--timeout", "20s"};
    words.insert(words.end(), steps.begin(), steps.end());
    return run_words(words);
  }
  void wait_for_socket() const {
    const Deadline deadline = Deadline::after(20s);
    while (!exists(attach_path(run_dir(), k_default_vm)) && !deadline.expired()) {
      ::usleep(1000);
    }
  }
  // Until base.log says so.
  void wait_for_log(const std::string& text) const {
    const Deadline deadline = Deadline::after(20s);
    while (!deadline.expired()) {
      const auto log = read_file_if_exists(base_log_path(run_dir()));
      if (log && log->find(text) != std::string::npos) {
        return;
      }
      ::usleep(1000);
    }
    FAIL() << "base.log does not say: " << text;
  }
  void wait_for_hold() const { wait_for_log("holding the machine"); }
  void ask(const std::string& role) const {
    const auto socket = connect_to(attach_path(run_dir(), k_default_vm));
    ASSERT_TRUE(socket.has_value());
    write_all(socket->get(), role + "\n", "socket");
    char byte = 0;
    EXPECT_EQ(::read(socket->get(), &byte, 1), 0);
  }
};

TEST_F(Attach, GivesASecondConsoleAndMonitorToARunningTest) {
  NEED(k_riscv64);
  Running chain = start(riscv({"wait", "OpenSBI", "say", "up", "console-end", "exit-line"}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  const Captured seen =
      look({"--wait", "Boot HART MEDELEG", "--qmp", "query-status", "--returns",
            R"({"status":"running"})", "--hmp", "info status", "--matches", "running"});
  EXPECT_EQ(code_of(seen), 0) << seen.err;
  const Captured events = look({"--qmp", "system_reset", "--event", "RESET", "--wait", "OpenSBI"});
  EXPECT_EQ(code_of(events), 0) << events.err;
  EXPECT_EQ(code_of(look({"--qmp", "nosuch", "--error", "CommandNotFound"})), 0);
  EXPECT_FALSE(read_verdict(run_dir()).has_value()) << "that is the test's to write";
  const Captured registers = look({"--hmp", "info registers"});
  EXPECT_THAT(registers.out, HasSubstr("x0/zero"));
  EXPECT_EQ(code_of(look({"--exit", "0"})), 2) << "nobody tells";
  EXPECT_EQ(code_of(look({"--quit"})), 0);
  EXPECT_EQ(end_of(chain).code(), 0);
  EXPECT_FALSE(exists(attach_path(run_dir(), k_default_vm)));
  EXPECT_EQ(code_of(look({"--wait", "x"})), 77);
}

TEST_F(Attach, TwoAtOnceDisturbNobody) {
  NEED(k_riscv64);
  Running chain =
      start(riscv({"wait", "OpenSBI", "say", "up", "wait", "MEDELEG", "until", path("go")}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  Running view = start({program(), "--attach", run_dir()});
  const Captured seen = look({"--wait", "Boot HART MEDELEG", "--qmp", "query-status"});
  EXPECT_EQ(code_of(seen), 0) << seen.err;
  ASSERT_NO_FATAL_FAILURE(wait_for(view, "Boot HART MEDELEG"));
  write_file(path("go"), "");
  EXPECT_EQ(end_of(chain).code(), 0);
  EXPECT_EQ(end_of(view).code(), 0);
}

// Each machine has one monitor more, at a path of its own.
TEST_F(Attach, TheBackDoorsOfTwoMachines) {
  NEED(k_riscv64);
  const ScopedVariable door("QEMU_TEST_QMP_BACKDOOR", path("door"));
  Words words = riscv({}, {"--name", "a"});
  words.emplace_back("--");
  const Words inner =
      riscv({"wait", "OpenSBI", "vm", "a", "wait", "OpenSBI", "say", "up", "until", path("go")},
            {"--name", "b"});
  words.insert(words.end(), inner.begin(), inner.end());
  Running chain = start(words);
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  EXPECT_FALSE(exists(path("door")));
  for (const std::string vm : {"a", "b"}) {
    const auto socket = connect_to(path("door." + vm));
    ASSERT_TRUE(socket.has_value()) << vm;
    write_all(socket->get(), R"({"execute":"qmp_capabilities"}{"execute":"query-status"})",
              "monitor");
    std::string said;
    std::array<std::byte, 4096> buffer;
    for (IoCount got{IoResult::done, 0};
         got.result == IoResult::done && said.find("\"status\"") == std::string::npos;) {
      got = read_some(socket->get(), buffer);
      said += text_of(std::span(buffer).first(got.count));
    }
    EXPECT_THAT(said, HasSubstr("\"running\""));
  }
  write_file(path("go"), "");
  EXPECT_EQ(end_of(chain).code(), 0);
}

TEST_F(Attach, PrintsTheConsoleToItsEnd) {
  NEED(k_riscv64);
  Running chain = start(riscv({"wait", "OpenSBI", "say", "up", "until", path("go")}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  Running view = start({program(), "--attach", run_dir()});
  std::string seen;
  std::array<std::byte, 4096> buffer;
  for (IoCount got{IoResult::done, 0}; got.result == IoResult::done;) {
    got = read_some(view.out.get(), buffer);
    seen += text_of(std::span(buffer).first(got.count));
    if (seen.find("MEDELEG") != std::string::npos) { // it is attached, and the guest has said all
      write_file(path("go"), "");
    }
  }
  EXPECT_EQ(end_of(view).code(), 0);
  EXPECT_EQ(seen, console_log());
  EXPECT_EQ(end_of(chain).code(), 0);
}

TEST_F(Attach, ADeadViewerStallsNobody) {
  NEED("qemu-system-x86_64");
  // A boot sector that writes for ever: all viewers but the program stop reading.
  std::string sector("\xba\xf8\x03\xb0\x41\xee\xeb\xfd", 8);
  sector.resize(510, '\0');
  sector += "\x55\xaa";
  write_file(path("disk"), sector);
  Words steps = {"wait", "AAAA", "say", "up"};
  for (int i = 0; i < 5; ++i) { // more than the viewer's socket holds
    steps.insert(steps.end(), {"wait", std::string(100000, 'A')});
  }
  steps.insert(steps.end(), {"say", "flooded"});
  Running chain = start(command({"--qemu", "qemu-system-x86_64"},
                                {"-drive", "format=raw,file=" + path("disk")}, steps));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  const auto viewer = connect_to(attach_path(run_dir(), k_default_vm));
  write_all(viewer->get(), "console\n", "socket");
  const auto mute = connect_to(attach_path(run_dir(), k_default_vm));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "flooded"));
  EXPECT_EQ(end_of(chain).code(), 0);
}

TEST_F(Attach, TypesOnlyWhenAsked) {
  NEED(k_riscv64);
  const std::string firmware = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin";
  if (!exists(firmware)) {
    GTEST_SKIP() << "no " << firmware;
  }
  Running chain = start(command(
      {"--qemu", k_riscv64, "--machine", "virt"}, {"-bios", firmware},
      {"wait", "Hit any key", "type", "\\r", "wait", "=> ", "say", "up", "wait", "\nriscv"}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  const Captured typed = look({"--line", "echo $arch", "--wait", "riscv"});
  EXPECT_EQ(code_of(typed), 0) << typed.err;
  EXPECT_EQ(end_of(chain).code(), 0);
  EXPECT_THAT(base_log(), HasSubstr("types: echo $arch"));
}

// Whoever types has a hand in the run, whether or not a dialogue listens.
TEST_F(Attach, TellsOfAHandWhereThereIsNoDialogue) {
  NEED(k_riscv64);
  Running chain = start(riscv({"wait", "OpenSBI", "say", "up", "until", path("go")}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  EXPECT_EQ(code_of(look({"--send", "x"})), 0);
  ASSERT_NO_FATAL_FAILURE(wait_for_log("types: x"));
  write_file(path("go"), "");
  EXPECT_EQ(end_of(chain).code(), 0);
  EXPECT_EQ(touched_text(verdict()), "touched by hand at the end");
}

TEST_F(Attach, TellsOfAHandBeforeTheDialogueBegins) {
  NEED(k_riscv64);
  Words words = {program(), "--run-dir", run_dir(), "--qemu", k_riscv64, "--machine", "virt"};
  words.insert(words.end(), {"--", "--", "sh", "-c",
                             R"(until test -e "$1"; do sleep 0.05; done; exec "$0" --wait OpenSBI)",
                             expect(), path("go")});
  Running chain = start(words);
  wait_for_socket();
  for (const char* const key : {"x", "y"}) {
    EXPECT_EQ(code_of(look({"--send", key})), 0);
    ASSERT_NO_FATAL_FAILURE(wait_for_log(format("types: {}", key)));
  }
  write_file(path("go"), "");
  EXPECT_EQ(end_of(chain).code(), 0);
  EXPECT_EQ(touched_text(verdict()), "touched by hand at the start");
}

TEST_F(Attach, ReachesARunDirectoryWithALongPath) {
  NEED(k_riscv64);
  const std::string deep = path(std::string(120, 'd'));
  Running chain =
      start({program(), "--run-dir", deep, "--qemu", k_riscv64, "--machine", "virt", "--", "--",
             variable("QEMU_TEST_CHAIN_PROGRAM"), "wait", "OpenSBI", "say", "up", "console-end"});
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  const Captured seen =
      run_words({expect(), "--attach", deep, "--timeout", "20s", "--qmp", "quit"});
  EXPECT_EQ(code_of(seen), 0) << seen.err;
  EXPECT_EQ(end_of(chain).code(), 0);
}

TEST_F(Attach, AMachineThatFailedIsKeptUntilSomebodySaysSo) {
  NEED(k_riscv64);
  Running chain = start(riscv({"wait", "OpenSBI", "verdict", "assertion", "end", "1"},
                              {"--on-fail", "keep", "--timeout", "3s"}));
  ASSERT_NO_FATAL_FAILURE(wait_for_hold());
  const Captured seen = look({"--qmp", "query-status", "--returns", R"({"running":false})"});
  EXPECT_EQ(code_of(seen), 0) << seen.err;
  ASSERT_NO_FATAL_FAILURE(ask("release"));
  EXPECT_EQ(end_of(chain).code(), 1);
  EXPECT_EQ(cause(), "assertion");
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(Attach, AKeptMachineEndsWithASignalAndKeepsItsVerdict) {
  NEED(k_riscv64);
  Running chain = start(riscv({"hang"}, {"--on-fail", "keep", "--timeout", "300ms"}));
  ASSERT_NO_FATAL_FAILURE(wait_for_hold());
  chain.process.send_signal(SIGINT);
  EXPECT_EQ(end_of(chain).code(), 124);
  EXPECT_EQ(cause(), "timeout");
  EXPECT_THAT(orphans(), IsEmpty());
}

// QEMU would end. It panics before or after QEMU reads its monitors.
TEST_F(Attach, AMachineThatPanickedIsKept) {
  NEED_DEVICE(k_x86_64, "pvpanic");
  for (const std::string& code : {std::string(k_x86_panic), x86_on_key(k_x86_panic)}) {
    write_file(path("bios"), x86_bios(code));
    Words words = command({"--qemu", k_x86_64, "--machine", "pc", "--pvpanic", "--on-fail", "keep"},
                          {"-bios", path("bios")}, {});
    const Words dialogue = {"--", expect(), "--qmp",  "query-version", "--send",
                            "x",  "--wait", "nosuch", "--timeout",     "20s"};
    words.insert(words.end(), dialogue.begin(), dialogue.end());
    Running chain = start(words);
    ASSERT_NO_FATAL_FAILURE(wait_for_hold());
    const Captured seen =
        look({"--qmp", "query-status", "--returns", R"({"status":"guest-panicked"})"});
    EXPECT_EQ(code_of(seen), 0) << seen.err;
    ASSERT_NO_FATAL_FAILURE(ask("release"));
    EXPECT_EQ(end_of(chain).code(), 1);
    EXPECT_EQ(cause(), "guest-panic");
    remove_tree(run_dir());
  }
}

// With and without --on-fail it is the same test.
TEST_F(Attach, APanicThatIsWantedEndsAMachineThatWouldBeKept) {
  NEED_DEVICE(k_x86_64, "pvpanic");
  for (const std::string& code : {std::string(k_x86_panic), x86_on_key(k_x86_panic)}) {
    write_file(path("bios"), x86_bios(code));
    Words words = command({"--qemu", k_x86_64, "--machine", "pc", "--pvpanic", "--on-fail", "keep"},
                          {"-bios", path("bios")}, {});
    const Words dialogue = {"--",     expect(), "--send",    "x",  "--event", "GUEST_PANICKED",
                            "--exit", "0",      "--timeout", "20s"};
    words.insert(words.end(), dialogue.begin(), dialogue.end());
    const Captured result = run_words(words);
    EXPECT_EQ(code_of(result), 0) << result.err;
  }
}

TEST_F(Attach, KeepsNothingThatPassed) {
  NEED(k_riscv64);
  const Captured result = run_words(riscv({"wait", "OpenSBI"}, {"--on-fail", "keep"}));
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_EQ(code_of(run_words(riscv({"end", "77"}, {"--on-fail", "keep"}))), 77);
}

TEST_F(Attach, KeepsAllMachinesOfAChain) {
  NEED(k_riscv64);
  Words words = riscv({}, {"--name", "a", "--on-fail", "keep"});
  words.emplace_back("--");
  const Words inner =
      riscv({"vm", "a", "wait", "OpenSBI", "end", "1"}, {"--name", "b", "--on-fail", "keep"});
  words.insert(words.end(), inner.begin(), inner.end());
  Running chain = start(words);
  ASSERT_NO_FATAL_FAILURE(wait_for_hold());
  for (const std::string vm : {"a", "b"}) {
    const Captured seen =
        look({"--vm", vm, "--qmp", "query-status", "--until", R"({"running":false})"});
    EXPECT_EQ(code_of(seen), 0) << vm << seen.err;
  }
  for (const Descendant& process : descendants()) {
    if (process.name == "qt-boot" && process.pid != chain.process.pid()) {
      ::kill(process.pid, SIGINT);
    }
  }
  EXPECT_EQ(end_of(chain).code(), 1);
  EXPECT_THAT(orphans(), IsEmpty());
}

// On a pseudo-terminal as the controlling one, as under 'meson test --interactive'.
TEST_F(Attach, TheShellHasTheConsoleAndTheMonitor) {
  NEED(k_riscv64);
  TerminalProgram program(riscv({"wait", "OpenSBI", "end", "1"}, {"--on-fail", "shell"}));
  const std::string to_monitor = "\x01"
                                 "c";
  ASSERT_TRUE(program.await("what you type goes there"));
  program.type(to_monitor);
  ASSERT_TRUE(program.await("[monitor;"));
  program.type("info status\n");
  ASSERT_TRUE(program.await("VM status: running"));
  program.type("\x04");
  ASSERT_TRUE(program.await("[console]"));
  // The escape key is heard in the monitor too, whatever has been typed before it.
  program.type(to_monitor);
  ASSERT_TRUE(program.await("[monitor;"));
  program.type("info sta\x01h");
  ASSERT_TRUE(program.await("Ctrl-a q  end a machine"));
  program.type("inf" + to_monitor);
  ASSERT_TRUE(program.await("[console]"));
  program.type(to_monitor);
  ASSERT_TRUE(program.await("[monitor;"));
  program.type("\x01x");
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(orphans(), IsEmpty());
}

// Nobody is left at the prompt of a monitor that is gone.
TEST_F(Attach, TheMonitorEndsWithTheMachine) {
  NEED(k_riscv64);
  Running chain = start(riscv({"wait", "OpenSBI", "say", "up", "console-end"}));
  ASSERT_NO_FATAL_FAILURE(wait_for(chain, "up"));
  TerminalProgram view({program(), "--attach", run_dir()});
  ASSERT_TRUE(view.await("read only"));
  view.type(std::string("\x01") + "c");
  ASSERT_TRUE(view.await("[monitor;"));
  view.type("quit\n");
  ASSERT_TRUE(view.await("[console]"));
  EXPECT_EQ(view.wait(), 0);
  EXPECT_EQ(end_of(chain).code(), 0);
}

TEST_F(Attach, RefusesWhatMakesNoSense) {
  EXPECT_EQ(code_of(run_words({program(), "--attach", path("none")})), 77);
  EXPECT_EQ(code_of(run_words({program(), "--attach", path("none"), "--", "-m", "1"})), 2);
  EXPECT_EQ(code_of(run_words({program(), "--on-fail", "nosuch"})), 2);
}

} // namespace
} // namespace qt
