#include "os/process.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace process_test {

using namespace qt;
using namespace std::chrono_literals;

std::optional<Captured> run_shell(const std::string& script, SpawnOptions options = {}) {
  return run_captured({"sh", "-c", script}, std::move(options), Deadline::after(30s));
}

TEST(ProcessTest, TellsExitFromSignal) {
  EXPECT_EQ(run_shell("exit 3")->status.text(), "exited 3");
  const Captured killed = *run_shell("kill -SEGV $$");
  EXPECT_TRUE(killed.status.by_signal());
  EXPECT_EQ(killed.status.text(), "killed SIGSEGV");
  EXPECT_EQ(exit_status_of(killed.status.wait_status), 128 + SIGSEGV);
}

TEST(ProcessTest, CollectsMoreThanAPipeHolds) {
  const Captured captured = *run_shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2");
  EXPECT_EQ(captured.out.size(), 300000u);
  EXPECT_EQ(captured.err.size(), 300000u);
}

TEST(ProcessTest, DistinguishesMissingFromNotExecutable) {
  try {
    Process::spawn({"/nonexistent/program"}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::not_found);
    EXPECT_STREQ(error.what(), "starting /nonexistent/program: No such file or directory");
  }
  try {
    Process::spawn({"/etc/passwd"}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::cannot_exec);
  }
}

TEST(ProcessTest, NoWordIsCutAtANulByte) {
  const std::string nul("hel\0XYZ", 7);
  EXPECT_THROW(Process::spawn({"echo", nul}, {}), Error);
  EXPECT_THROW(Process::spawn({std::string("true\0x", 6)}, {}), Error);
  SpawnOptions options;
  options.environment = {{"A", nul}};
  EXPECT_THROW(Process::spawn({"true"}, options), Error);
}

TEST(ProcessTest, ChildHasOnlyTheDescriptorsItWasGiven) {
  const FdPair given = make_pipe();
  const FdPair other = make_pipe();
  ASSERT_EQ(::fcntl(other.first.get(), F_SETFD, 0), 0); // the flag alone would close it
  SpawnOptions options;
  options.keep = {given.second.get()};
  const Captured captured =
      *run_shell(format("ls /proc/self/fd | tr '\\n' ' '; test -e /proc/self/fd/{} && echo stray",
                        other.first.get()),
                 options);
  EXPECT_NE(captured.out.find(format(" {} ", given.second.get())), std::string::npos)
      << captured.out;
  EXPECT_EQ(captured.out.find("stray"), std::string::npos);
}

TEST(ProcessTest, ReplacesVariables) {
  ::setenv("QT_PROCESS_TEST", "old", 1);
  SpawnOptions options;
  options.environment = {{"QT_PROCESS_TEST", "new"}};
  EXPECT_EQ(run_shell("echo $QT_PROCESS_TEST; env | grep -c '^QT_PROCESS_TEST='", options)->out,
            "new\n1\n");
}

TEST(ProcessTest, GivesUpAtTheDeadline) {
  EXPECT_EQ(run_captured({"sleep", "60"}, {}, Deadline::after(50ms)), std::nullopt);
  Process sleeper = Process::spawn({"sleep", "60"}, {});
  EXPECT_FALSE(sleeper.wait(Deadline::after(20ms)));
  sleeper.send_signal(SIGTERM);
  EXPECT_EQ(sleeper.wait(Deadline::after(30s))->text(), "killed SIGTERM");
}

TEST(ProcessTest, DestructorLeavesNothingRunning) {
  pid_t pid = 0;
  {
    const Process sleeper = Process::spawn({"sleep", "60"}, {});
    pid = sleeper.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ProcessTest, ChildDiesWithItsParent) {
  // A parent that starts a child through this module, says its pid and is killed.
  const FdPair pipe = make_pipe();
  const pid_t parent = ::fork();
  if (parent == 0) {
    Process child = Process::spawn({"sleep", "60"}, {});
    write_all(pipe.second.get(), format("{}\n", child.pid()), "pipe");
    ::pause();
    ::_exit(0);
  }
  char digits[32] = {};
  ASSERT_GT(::read(pipe.first.get(), digits, sizeof digits - 1), 0);
  const auto child = static_cast<pid_t>(*parse_integer(trim(digits)));
  ::kill(parent, SIGKILL);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  const Deadline deadline = Deadline::after(10s);
  const auto state = [child] {
    const auto stat = read_file_if_exists(format("/proc/{}/stat", child));
    return stat ? (*stat)[stat->rfind(')') + 2] : 'X';
  };
  while (state() != 'X' && state() != 'Z' && !deadline.expired()) {
    ::usleep(1000);
  }
  EXPECT_TRUE(state() == 'X' || state() == 'Z') << state();
}

} // namespace process_test
