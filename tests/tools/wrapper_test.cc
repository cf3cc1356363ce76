// What starts QEMU in its place: a wrapper that becomes QEMU, one that waits for it, one that does
// not. The status, the signals and the end of the run are QEMU's all the same, and nothing is left.
#include "boot_fixture.hh"

#include <sys/stat.h>

namespace qt {
namespace {

using namespace support;
using testing::HasSubstr;
using testing::IsEmpty;

class Wrapper : public BootFixture {
protected:
  void SetUp() override {
    NEED(k_riscv64);
    NEED(k_riscv32);
    NEED("setsid");
  }

  // A wrapper that runs `script` with QEMU's command line as "$@".
  std::string wrapper(const std::string& script) const {
    write_file(path("wrapper"), "#!/bin/sh\n" + script + "\n");
    ::chmod(path("wrapper").c_str(), 0755);
    return path("wrapper") + " 'its own word'";
  }
  // In a session of its own: its group can be killed.
  Process start(const std::string& script, Words options, const Words& chain) const {
    options.insert(options.end(),
                   {"--qemu", k_riscv64, "--machine", "virt", "--wrapper", wrapper(script)});
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    SpawnOptions spawn;
    spawn.standard_input = spawn.standard_output = spawn.standard_error = null.get();
    Words words = command(options, {}, chain);
    words.insert(words.begin(), "setsid");
    return Process::spawn(words, spawn);
  }
  void wait_for_console() const {
    const Deadline deadline = Deadline::after(std::chrono::seconds(60));
    while (!deadline.expired() &&
           read_file_if_exists(console_log_path(run_dir(), k_default_vm)).value_or("").size() <
               100) {
      ::usleep(5000);
    }
  }
  static std::vector<pid_t> processes(const std::string& name) {
    std::vector<pid_t> pids;
    for (const Descendant& process : descendants()) {
      if (process.name == name) {
        pids.push_back(process.pid);
      }
    }
    return pids;
  }
  static std::string end_of(Process& process) {
    return process.wait(Deadline::after(std::chrono::seconds(60))).value_or(ExitStatus{}).text();
  }
};

constexpr const char* k_qemu_name = "qemu-system-ris"; // as much of it as the kernel keeps
constexpr const char* k_becomes = "shift; exec \"$@\"";
constexpr const char* k_waits = "shift; \"$@\"; exit $?";

TEST_F(Wrapper, GivesTheStatusOfQemu) {
  for (const char* script : {k_becomes, k_waits}) {
    const Words options = {"--exit", "5", "--wrapper", wrapper(script)};
    EXPECT_EQ(code_of(run_ending(5, {"wait", "HELLO"}, options)), 0) << script;
    EXPECT_EQ(code_of(run_ending(6, {"wait", "HELLO"}, options)), 1) << script;
    EXPECT_EQ(cause(), "qemu-exit");
  }
  EXPECT_THAT(base_log(), HasSubstr(format("started {} ", wrapper(k_waits))));
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(Wrapper, ACrashOfQemuIsOne) {
  for (const char* script : {k_becomes, k_waits}) {
    remove_tree(run_dir());
    Process chain = start(script, {}, {"wait", "OpenSBI", "console-end"});
    wait_for_console();
    const std::vector<pid_t> emulators = processes(k_qemu_name);
    ASSERT_EQ(emulators.size(), 1U) << script;
    ::kill(emulators[0], SIGSEGV);
    EXPECT_EQ(end_of(chain), "exited 1") << script;
    EXPECT_EQ(cause(), "qemu-crash") << script;
    EXPECT_THAT(orphans(), IsEmpty());
  }
}

// Without a monitor it is asked to end by SIGTERM, and the wrapper goes on to its own end.
TEST_F(Wrapper, QemuGetsTheSignals) {
  Process chain =
      start("shift; \"$@\"; status=$?; echo $status >" + path("status") + "; exit $status",
            {"--qmp", "false"}, {"wait", "OpenSBI", "pause", "300"});
  EXPECT_EQ(end_of(chain), "exited 0");
  EXPECT_EQ(read_file_if_exists(path("status")), "0\n");
  EXPECT_THAT(base_log(), HasSubstr("sending SIGTERM to QEMU"));
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(Wrapper, QemuDoesNotOutliveOneThatEndsFirst) {
  Process chain = start("shift; \"$@\" & sleep 0.3", {}, {"wait", "no such text"});
  EXPECT_EQ(end_of(chain), "exited 3"); // as the program, which saw the console end
  EXPECT_THAT(orphans(), IsEmpty());
}

class WrapperKilled : public Wrapper, public testing::WithParamInterface<const char*> {};

TEST_P(WrapperKilled, NothingIsLeft) {
  const std::string how = GetParam();
  Process chain = start("shift; setsid \"$@\" & wait", {}, {"wait", "OpenSBI", "console-end"});
  wait_for_console();
  ASSERT_EQ(processes(k_qemu_name).size(), 1U);
  if (how == "qt_boot") {
    chain.send_signal(SIGKILL);
  } else if (how == "wrapper") {
    const std::vector<pid_t> wrappers = processes("wrapper");
    ASSERT_EQ(wrappers.size(), 1U);
    ::kill(wrappers[0], SIGKILL);
  } else {
    ::kill(-chain.pid(), how == "group" ? SIGKILL : SIGTERM);
  }
  EXPECT_EQ(end_of(chain), how == "asked"     ? "exited 143"
                           : how == "wrapper" ? "exited 1"
                                              : "killed SIGKILL");
  EXPECT_THAT(orphans(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(How, WrapperKilled,
                         testing::Values("asked", "group", "qt_boot", "wrapper"),
                         [](const auto& how) { return how.param; });

TEST_F(Wrapper, ANetworkNamespaceOfItsOwn) {
  NEED("unshare");
  if (run_captured({"unshare", "-Urn", "true"}, {}, Deadline::never())->status.wait_status != 0) {
    GTEST_SKIP() << "no user namespaces on this host";
  }
  const Captured result = run_riscv({"wait", "OpenSBI"}, {"--wrapper", "unshare -Urn"});
  EXPECT_EQ(code_of(result), 0) << result.err;
}

TEST_F(Wrapper, OneThatIsNotThereIsNamed) {
  const Captured result = run_riscv({"wait", "OpenSBI"}, {"--wrapper", "no-such-tracer -o x"});
  EXPECT_EQ(code_of(result), 127);
  EXPECT_THAT(result.err, HasSubstr("starting no-such-tracer: no such program"));
}

} // namespace
} // namespace qt
