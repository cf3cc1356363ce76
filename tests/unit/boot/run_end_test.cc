#include "boot/run_end.hh"

#include "os/file.hh"

#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <unistd.h>

namespace qt {
namespace run_end_test {

using namespace std::chrono_literals;

// Real processes stand for QEMU (it ends at the end of its input) and for the program. Without a
// monitor unless a test gives one: QEMU is then ended by SIGTERM.
class RunEndTest : public testing::Test {
protected:
  explicit RunEndTest(OnFail on_fail = OnFail::end)
    : m_hold(on_fail, m_folder.path(), "vm", {}) {}

  static Process start_qemu(int input) {
    SpawnOptions options;
    options.standard_input = input;
    return Process::spawn({"cat"}, options);
  }

  RunEnd run_end() { return {m_machine, m_limits, m_log, m_facts}; }
  void start_program() { m_machine.program.emplace(Process::spawn({"sleep", "60"}, {}), "sleep"); }
  void pass() { m_facts.program = ExitStatus{0}; }
  void fail() { m_facts.program = ExitStatus{0x100}; }

  // What the owner's event loop does.
  static bool turn_until(const std::function<bool()>& done) {
    const Deadline deadline = Deadline::after(30s);
    while (!done() && !deadline.expired()) {
      ::usleep(1000);
    }
    return !deadline.expired();
  }
  static bool ends(RunEnd& end) {
    return turn_until([&end] { return end.poll_qemu(); });
  }
  bool program_ends() {
    return turn_until([this] {
      const auto status = m_machine.program->poll();
      m_facts.program = status ? status : m_facts.program;
      return status.has_value();
    });
  }

  EventLoop m_loop;
  TempDir m_folder{"run-end"};
  BaseLog m_log{m_folder.path(), "test"};
  std::optional<ConsoleRelay> m_console;
  std::optional<OwnMonitor> m_monitor;
  Evidence m_evidence{m_folder.path(), "vm", m_monitor, m_log};
  Hold m_hold;
  FdPair m_input = make_socket_pair();
  LoggedOutput m_output{make_pipe().first, m_folder.path() + "/vm.log", k_log_limit};
  FolderSize m_size{m_folder.path(), "", k_log_limit};
  RunLimits m_limits;
  RunFacts m_facts;
  RunningMachine m_machine{m_loop,
                           {start_qemu(m_input.second.get()), ""},
                           "cat",
                           m_output,
                           m_size,
                           {},
                           Services({}, m_log),
                           m_console,
                           m_monitor,
                           m_evidence,
                           m_hold,
                           {},
                           {},
                           nullptr};
};

TEST_F(RunEndTest, NothingEndsAMachineWhoseProgramRuns) {
  start_program();
  RunEnd end = run_end();
  end.handle_deadlines();
  end.handle_hold();
  EXPECT_FALSE(end.over());
  EXPECT_TRUE(end.qemu_wanted());
  EXPECT_TRUE(end.deadline().is_never());
}

TEST_F(RunEndTest, AProgramThatHasEndedEndsTheMachine) {
  pass();
  RunEnd end = run_end();
  end.end_run();
  EXPECT_TRUE(end.over());
  EXPECT_FALSE(end.qemu_wanted());
  ASSERT_TRUE(ends(end));
  EXPECT_FALSE(end.qemu_runs());
  EXPECT_EQ(m_facts.end, QemuEnd::asked);
  EXPECT_EQ(m_facts.qemu.signal(), SIGTERM);
}

TEST_F(RunEndTest, AMachineThatIsToEndByItselfIsLeftToDoSoIfTheProgramHasPassed) {
  pass();
  m_limits.exit_expected = true;
  RunEnd end = run_end();
  end.take_request(ExitRequest::done);
  end.end_run();
  EXPECT_TRUE(end.qemu_wanted());
  m_input.first.reset();
  ASSERT_TRUE(ends(end));
  EXPECT_EQ(m_facts.end, QemuEnd::itself);
  EXPECT_EQ(m_facts.qemu.code(), 0);
}

TEST_F(RunEndTest, OneWhoseProgramHasFailedIsNotWaitedFor) {
  fail();
  m_limits.exit_expected = true;
  RunEnd end = run_end();
  end.end_run();
  EXPECT_FALSE(end.qemu_wanted());
  EXPECT_TRUE(ends(end));
}

TEST_F(RunEndTest, ASignalEndsTheProgramWhileTheMachineStillRuns) {
  start_program();
  RunEnd end = run_end();
  end.end_by_signal(SIGINT);
  EXPECT_TRUE(end.qemu_wanted());
  EXPECT_FALSE(end.over());
  ASSERT_TRUE(program_ends());
  end.end_by_signal(SIGHUP);
  EXPECT_EQ(m_facts.signal, SIGINT);
  end.end_run();
  EXPECT_FALSE(end.qemu_wanted());
  EXPECT_TRUE(ends(end));
}

TEST_F(RunEndTest, ASignalWithoutProgramEndsTheMachine) {
  RunEnd end = run_end();
  end.end_by_signal(SIGTERM);
  EXPECT_TRUE(end.over());
  EXPECT_TRUE(ends(end));
}

TEST_F(RunEndTest, AProgramMayAskForTheEnd) {
  start_program();
  RunEnd end = run_end();
  end.take_request(ExitRequest::untaken);
  EXPECT_TRUE(end.qemu_wanted());
  end.take_request(ExitRequest::done);
  EXPECT_FALSE(end.qemu_wanted());
  EXPECT_FALSE(end.over());
  end.take_request(ExitRequest::kill);
  ASSERT_TRUE(ends(end));
  EXPECT_EQ(m_facts.end, QemuEnd::killed);
}

TEST_F(RunEndTest, AtTheDeadlineTheProgramEndsAfterTheEvidence) {
  FdPair pair = make_socket_pair();
  m_monitor.emplace(std::move(pair.first));
  start_program();
  m_limits.timeout = Duration::zero();
  RunEnd end = run_end();
  end.handle_deadlines();
  EXPECT_TRUE(m_facts.timed_out);
  EXPECT_TRUE(m_evidence.busy());
  EXPECT_TRUE(m_machine.program->deadline().is_never());
  pair.second.reset(); // it answers nothing
  m_monitor->handle({-1, 0, POLLIN});
  m_evidence.advance();
  EXPECT_FALSE(m_machine.program->deadline().is_never());
  ASSERT_TRUE(program_ends());
  EXPECT_EQ(m_facts.program->signal(), SIGTERM);
  EXPECT_TRUE(end.qemu_wanted());
}

class HeldTest : public RunEndTest {
protected:
  HeldTest()
    : RunEndTest(OnFail::keep) {
    m_limits.timeout = 1h;
  }
};

TEST_F(HeldTest, AFailedMachineIsKeptWithoutDeadlineUntilASignalWhichIsNoPartOfTheRun) {
  fail();
  RunEnd end = run_end();
  EXPECT_FALSE(end.deadline().is_never());
  end.end_run();
  end.handle_hold();
  EXPECT_TRUE(m_hold.active());
  EXPECT_TRUE(end.qemu_wanted());
  EXPECT_TRUE(end.deadline().is_never());
  end.end_by_signal(SIGINT);
  EXPECT_FALSE(m_hold.active());
  EXPECT_FALSE(m_facts.signal);
  EXPECT_TRUE(ends(end));
}

TEST_F(HeldTest, AMachineThatEndsWhileItIsKeptEndsTheHolding) {
  fail();
  RunEnd end = run_end();
  end.end_run();
  m_input.first.reset();
  ASSERT_TRUE(ends(end));
  end.handle_hold();
  EXPECT_FALSE(m_hold.active());
}

TEST_F(HeldTest, OneThatHasPassedIsNotKept) {
  pass();
  RunEnd end = run_end();
  end.end_run();
  EXPECT_FALSE(m_hold.used());
  EXPECT_TRUE(ends(end));
}

} // namespace run_end_test
} // namespace qt
