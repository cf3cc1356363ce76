#include "boot/evidence.hh"

#include "../support/environment.hh"
#include "base/format.hh"
#include "os/file.hh"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace qt {
namespace backtrace_test {

using testing::HasSubstr;

// Programs of the test stand for gdb and coredumpctl; nothing else is on PATH.
class BacktraceTest : public testing::Test {
protected:
  void stand_in(const std::string& name, const std::string& script) const {
    write_file(path(name), "#!/bin/sh\n" + script);
    ASSERT_EQ(::chmod(path(name).c_str(), 0755), 0);
  }
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }
  // As of a process that left a core file; nobody has a number like this, and so no core is found.
  void ask_about_crash() {
    m_backtrace.ask_about_crash(k_nobody, ExitStatus{SIGSEGV | k_has_core}, "/bin/true");
  }
  void finish() {
    while (m_backtrace.running()) {
      m_loop.turn();
    }
  }

  static constexpr pid_t k_nobody = 1 << 30;
  static constexpr int k_has_core = 0x80;
  TempDir m_folder{"qt-backtrace-test-"};
  const support::ScopedVariable m_path{"PATH", m_folder.path()};
  EventLoop m_loop;
  Backtrace m_backtrace{m_loop, path("vm"), std::chrono::milliseconds(300)};
};

TEST_F(BacktraceTest, AsksCoredumpctlWhereTheCoreHasGoneToAProgram) {
  stand_in("coredumpctl", "echo \"$@: Stack trace of thread 7\"\n");
  ask_about_crash();
  finish();
  EXPECT_EQ(m_backtrace.reason(), "");
  EXPECT_EQ(read_file(m_backtrace.path()),
            format("--no-pager info {}: Stack trace of thread 7\n", k_nobody));
}

TEST_F(BacktraceTest, SaysWhyThereIsNone) {
  ask_about_crash();
  EXPECT_THAT(m_backtrace.reason(), HasSubstr("starting coredumpctl"));
  EXPECT_EQ(m_backtrace.path(), "");
  m_backtrace.ask_about_crash(k_nobody, ExitStatus{SIGSEGV}, "/bin/true");
  EXPECT_THAT(m_backtrace.reason(), HasSubstr("ulimit -c unlimited"));
  m_backtrace.ask_about_process(k_nobody);
  EXPECT_THAT(m_backtrace.reason(), HasSubstr("starting gdb"));
  EXPECT_FALSE(exists(path("vm.backtrace.txt")));
}

TEST_F(BacktraceTest, AGdbThatHangsIsBounded) {
  stand_in("gdb", "exec /bin/sleep 1000\n");
  m_backtrace.ask_about_process(k_nobody);
  finish();
  EXPECT_EQ(m_backtrace.reason(), "gdb did not end in time");
  EXPECT_EQ(m_backtrace.path(), "");
  stand_in("gdb", "echo Thread 1; exec /bin/sleep 1000\n");
  m_backtrace.ask_about_process(k_nobody);
  finish();
  EXPECT_EQ(m_backtrace.reason(), "") << "what it has said by then is kept";
  EXPECT_EQ(read_file(m_backtrace.path()), "Thread 1\n");
}

TEST_F(BacktraceTest, IsGivenUpWhenThereIsNoTime) {
  stand_in("gdb", "exec /bin/sleep 1000\n");
  m_backtrace.ask_about_process(k_nobody);
  m_backtrace.cancel();
  EXPECT_FALSE(m_backtrace.running());
  EXPECT_EQ(m_backtrace.reason(), "there was no time for gdb");
}

TEST(CoreGlob, FillsInWhatIsKnown) {
  EXPECT_EQ(core_glob("core", false, 7, "/cwd"), "/cwd/core");
  EXPECT_EQ(core_glob("core", true, 7, "/cwd"), "/cwd/core.7");
  EXPECT_EQ(core_glob("/var/%e.%p.%%.%t", true, 7, "/cwd"), "/var/*.7.%.*");
  EXPECT_EQ(core_glob("|/usr/bin/program %p", false, 7, "/cwd"), "");
}

} // namespace backtrace_test
} // namespace qt
