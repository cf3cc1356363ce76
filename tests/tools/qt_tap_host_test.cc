// qt-tap and what its tests share of the host: the limits of all runs, ports, sockets, machines
// that talk to each other, several subtests at once.
#include "environment.hh"
#include "exit_code.hh"
#include "file.hh"
#include "format.hh"
#include "process.hh"
#include "run_dir.hh"
#include "text.hh"

#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace qt {
namespace {

using support::ScopedVariable;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;
using namespace std::chrono_literals;

std::string tool(const std::string& name) {
  const char* const folder = std::getenv("QEMU_TEST_TOOLS_DIR");
  return std::string(folder != nullptr ? folder : ".") + "/" + name;
}

class QtTapHost : public testing::Test {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
    ::chmod(runtime.path().c_str(), 0700);
  }
  std::string define(const std::string& name, const std::string& text,
                     const std::string& arch = "riscv64") {
    const std::string path = format("{}/{}/{}.toml", folder.path(), arch, name);
    make_directories(parent_of(path));
    write_file(path, text);
    return path;
  }
  Words words_of(Words words) const {
    words.insert(words.begin(), {tool("qt-tap"), "--output", output});
    return words;
  }
  Captured run(const Words& words) const {
    return *run_captured(words_of(words), {}, Deadline::after(80s));
  }
  Process start(const Words& words) const {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    SpawnOptions options;
    options.standard_output = null.get();
    options.standard_error = null.get();
    return Process::spawn(words, options);
  }
  static bool wait_for(const std::string& path, std::string_view text) {
    const Deadline limit = Deadline::after(60s);
    while (read_file_if_exists(path).value_or("").find(text) == std::string::npos) {
      if (limit.expired()) {
        return false;
      }
      ::usleep(5000);
    }
    return true;
  }
  std::string log(const std::string& run_dir, const std::string& name = "base.log") const {
    return read_file_if_exists(format("{}/riscv64/{}/{}", output, run_dir, name)).value_or("");
  }

  const TempDir folder{"qt-tap-host"};
  const TempDir runtime{"runtime"};
  const std::string output = folder.path() + "/out";
  const ScopedVariable no_binary{"QEMU_TEST_QEMU_BINARY", std::nullopt};
  const ScopedVariable no_meson{"MESON_TEST_ITERATION", std::nullopt};
  const ScopedVariable no_keep{"QEMU_TEST_KEEP_SCRATCH", std::nullopt};
  const ScopedVariable pool{"XDG_RUNTIME_DIR", runtime.path()};
  const ScopedVariable no_admitted{"QEMU_TEST_ADMITTED", std::nullopt};
  const ScopedVariable offline{"QEMU_TEST_NO_DOWNLOAD", "1"};
};

// --- the limits of all runs

constexpr const char* k_opensbi = R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }]
)";

TEST_F(QtTapHost, ARunThatIsKilledLetsTheNextOneIn) {
  const ScopedVariable one("QEMU_TEST_MAX_VMS", "1");
  const std::string hangs = define("hangs", R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }, { wait = "no such text" }]
)");
  Process first = start(words_of({hangs}));
  ASSERT_TRUE(wait_for(output + "/riscv64/hangs.virt/dialogue.log", "OpenSBI"));
  Process second = start(words_of({"--timeout", "20s", define("next", k_opensbi)}));
  ASSERT_TRUE(wait_for(output + "/riscv64/next.virt/base.log", "waiting for its turn"));
  // By hand: counted and made to wait in the same way.
  Process by_hand =
      start({tool("qt-boot"), "--qemu", "qemu-system-riscv64", "--machine", "virt", "--run-dir",
             folder.path() + "/hand", "--", "--", tool("qt-expect"), "--wait", "OpenSBI"});
  EXPECT_FALSE(second.wait(Deadline::after(100ms)));
  EXPECT_FALSE(exists(folder.path() + "/hand"));
  first.send_signal(SIGKILL);
  const auto ended = second.wait(Deadline::after(60s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(exit_status_of(ended->wait_status), 0);
  EXPECT_THAT(log("next.virt"), ContainsRegex("admitted after [0-9a-z.]+ in the queue"));
  const auto third = by_hand.wait(Deadline::after(60s));
  ASSERT_TRUE(third);
  EXPECT_EQ(exit_status_of(third->wait_status), 0);
}

TEST_F(QtTapHost, WaitingDoesNotUseUpTheTime) {
  const ScopedVariable one("QEMU_TEST_MAX_VMS", "1");
  const std::string sleeps = define("sleeps", R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }, { sleep = "1500ms" }]
)");
  Process first = start(words_of({sleeps}));
  ASSERT_TRUE(wait_for(output + "/riscv64/sleeps.virt/dialogue.log", "OpenSBI"));
  const Captured second = run({"--timeout", "1400ms", define("next", k_opensbi)});
  EXPECT_EQ(second.out, "TAP version 13\n1..1\nok 1 virt\n") << second.err;
}

TEST_F(QtTapHost, ASignalInTheQueueSaysSo) {
  const ScopedVariable one("QEMU_TEST_MAX_VMS", "1");
  const std::string hangs = define("hangs", R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }, { wait = "no such text" }]
)");
  Process first = start(words_of({hangs}));
  ASSERT_TRUE(wait_for(output + "/riscv64/hangs.virt/dialogue.log", "OpenSBI"));
  Process second = start(words_of({define("next", k_opensbi)}));
  ASSERT_TRUE(wait_for(output + "/riscv64/next.virt/base.log", "waiting for its turn"));
  second.send_signal(SIGTERM);
  const auto ended = second.wait(Deadline::after(30s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(exit_status_of(ended->wait_status), 128 + SIGTERM);
  EXPECT_THAT(read_verdict(output + "/riscv64/next.virt")->message,
              ContainsRegex("^ended by SIGTERM after .* in the queue"));
}

TEST_F(QtTapHost, WhatNeverFitsIsSkipped) {
  const std::string two = define("two", R"(
[test.two]
steps = [{ vm = "a", wait = "OpenSBI" }]
[test.two.vm.a]
machine = "virt"
[test.two.vm.b]
machine = "virt"
args = ["-m", "1G"]
)");
  {
    const ScopedVariable one("QEMU_TEST_MAX_VMS", "1");
    EXPECT_EQ(run({two}).out, "TAP version 13\n1..0 # SKIP needs 2 machines at once; "
                              "QEMU_TEST_MAX_VMS allows 1\n");
  }
  {
    const ScopedVariable memory("QEMU_TEST_MAX_MEMORY", "1G");
    EXPECT_EQ(run({two}).out, "TAP version 13\n1..0 # SKIP needs 1152 MiB of memory; "
                              "QEMU_TEST_MAX_MEMORY allows 1024 MiB\n");
  }
  const ScopedVariable enough("QEMU_TEST_MAX_VMS", "2");
  EXPECT_EQ(run({two}).out, "TAP version 13\n1..1\nok 1 two\n");
  const ScopedVariable wrong("QEMU_TEST_MAX_VMS", "many");
  EXPECT_THAT(run({two}).out, HasSubstr("QEMU_TEST_MAX_VMS='many': expected a number"));
}

} // namespace
} // namespace qt
