#include "boot/shutdown.hh"

#include "os/file.hh"

#include <array>
#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace qt {
namespace shutdown_test {

using namespace std::chrono_literals;

using State = Shutdown::State;
using Event = Shutdown::Event;
using Circumstances = Shutdown::Circumstances;

constexpr State k_states[] = {State::running,     State::awaiting_exit, State::dying,
                              State::gathering,   State::held,          State::quitting,
                              State::terminating, State::hurrying,      State::killing,
                              State::last_bytes,  State::ended};
constexpr Event k_events[] = {
    Event::passed,   Event::skipped,  Event::failed,     Event::late,        Event::timed_out,
    Event::given_up, Event::evidence, Event::released,   Event::quit,        Event::kill,
    Event::signal,   Event::bound,    Event::qemu_ended, Event::console_read};

// The way that a machine takes through the states.
class Way {
public:
  explicit Way(Circumstances are)
    : m_are(are) {}

  Way& operator()(Event event) {
    m_state = Shutdown::next_state(m_state, event, m_are);
    m_states.push_back(m_state);
    return *this;
  }
  Way& with(bool Circumstances::*what, bool value = true) {
    m_are.*what = value;
    return *this;
  }
  const std::vector<State>& states() const { return m_states; }

private:
  Circumstances m_are;
  State m_state = State::running;
  std::vector<State> m_states;
};

Circumstances of_a_run() {
  Circumstances are;
  are.program_runs = true;
  are.monitor_open = true;
  return are;
}
Circumstances after_the_program() {
  Circumstances are = of_a_run();
  are.program_runs = false;
  return are;
}

using States = std::vector<State>;

TEST(NextState, AProgramThatPassesOrSkipsEndsTheMachineInOrder) {
  for (const Event end : {Event::passed, Event::skipped}) {
    EXPECT_EQ(Way(after_the_program())(end)(Event::bound)(Event::bound)(Event::qemu_ended)(
                  Event::console_read)
                  .states(),
              (States{State::quitting, State::terminating, State::killing, State::last_bytes,
                      State::ended}));
  }
}

TEST(NextState, WithoutAMonitorThereIsNothingToAsk) {
  Circumstances are = after_the_program();
  are.monitor_open = false;
  for (const Event end : {Event::passed, Event::failed, Event::given_up, Event::quit}) {
    EXPECT_EQ(Way(are)(end).states(), (States{State::terminating}));
  }
}

TEST(NextState, OnlyAMachineWhoseProgramHasPassedMayEndByItself) {
  Circumstances are = after_the_program();
  are.exit_expected = true;
  EXPECT_EQ(Way(are)(Event::passed)(Event::bound).states(),
            (States{State::awaiting_exit, State::quitting}));
  EXPECT_EQ(Way(are)(Event::passed)(Event::timed_out)(Event::evidence).states(),
            (States{State::awaiting_exit, State::gathering, State::quitting}));
  EXPECT_EQ(Way(are)(Event::failed).states(), (States{State::quitting}));
  EXPECT_EQ(Way(are)(Event::skipped).states(), (States{State::quitting}));
}

TEST(NextState, AMachineThatHasClosedItsMonitorIsGivenTimeToEnd) {
  Circumstances are = after_the_program();
  are.monitor_open = false;
  are.monitor_closed = true;
  are.keeps_failed = true;
  for (const Event end : {Event::passed, Event::skipped, Event::failed, Event::late}) {
    EXPECT_EQ(Way(are)(end)(Event::bound).states(), (States{State::dying, State::terminating}));
  }
}

TEST(NextState, ADeadlineAsksForEvidenceAndThenEndsTheProgramFirst) {
  EXPECT_EQ(Way(of_a_run())(Event::timed_out)(Event::evidence)
                .with(&Circumstances::program_runs, false)
                .with(&Circumstances::evidence_gathered)(Event::late)
                .states(),
            (States{State::gathering, State::running, State::quitting}));
}

TEST(NextState, OfAProgramThatWasLateThereIsEvidenceOnce) {
  EXPECT_EQ(Way(after_the_program())(Event::late)(Event::evidence).states(),
            (States{State::gathering, State::quitting}));
  EXPECT_EQ(Way(after_the_program()).with(&Circumstances::evidence_gathered)(Event::late).states(),
            (States{State::quitting}));
}

TEST(NextState, EvidenceIsWaitedForWhateverElseEndsTheRun) {
  for (const Event event : {Event::passed, Event::failed, Event::late, Event::given_up}) {
    EXPECT_EQ(Way(of_a_run())(Event::timed_out)
                  .with(&Circumstances::program_runs, false)(event)(Event::evidence)
                  .states(),
              (States{State::gathering, State::gathering, State::quitting}));
  }
}

TEST(NextState, AMachineThatHasFailedIsHeldWhereThatIsWanted) {
  Circumstances are = after_the_program();
  are.keeps_failed = true;
  EXPECT_EQ(Way(are)(Event::failed)(Event::released).states(),
            (States{State::held, State::quitting}));
  EXPECT_EQ(Way(are)(Event::given_up).states(), (States{State::held}));
  EXPECT_EQ(Way(are)(Event::late)(Event::evidence).states(),
            (States{State::gathering, State::held}));
  EXPECT_EQ(Way(are)(Event::passed).states(), (States{State::quitting}));
  EXPECT_EQ(Way(are)(Event::skipped).states(), (States{State::quitting}));
  EXPECT_EQ(Way(are)(Event::failed)(Event::qemu_ended).states(),
            (States{State::held, State::last_bytes}));
}

TEST(NextState, AfterASignalTheProgramEndsFirstAndThenAllInAHurry) {
  Way way(of_a_run());
  way.with (&Circumstances::signalled)(Event::signal);
  way.with(&Circumstances::program_runs, false)(Event::failed)(Event::bound);
  EXPECT_EQ(way.states(), (States{State::running, State::hurrying, State::killing}));
  EXPECT_EQ(Way(of_a_run())(Event::timed_out)(Event::signal).states(),
            (States{State::gathering, State::running}))
      << "there is no time for evidence";
}

TEST(NextState, ASignalHurriesAMachineWithoutProgramWhateverItIsDoing) {
  for (const State state : k_states) {
    const State next = Shutdown::next_state(state, Event::signal, after_the_program());
    EXPECT_EQ(next, state < State::hurrying ? State::hurrying : state);
  }
  EXPECT_EQ(Shutdown::next_state(State::held, Event::signal, of_a_run()), State::hurrying)
      << "it has been judged";
}

TEST(NextState, TheProgramMayAskForTheEndWhileItRuns) {
  EXPECT_EQ(Way(of_a_run())(Event::quit)(Event::quit)(Event::kill)(Event::kill).states(),
            (States{State::quitting, State::quitting, State::killing, State::killing}));
}

TEST(NextState, WhileQemuIsBeingEndedNothingElseBeginsWithIt) {
  Circumstances are = after_the_program();
  are.keeps_failed = are.exit_expected = true;
  for (const State state : {State::quitting, State::terminating, State::hurrying, State::killing}) {
    for (const Event event :
         {Event::passed, Event::skipped, Event::failed, Event::late, Event::timed_out,
          Event::given_up, Event::evidence, Event::released, Event::quit, Event::console_read}) {
      EXPECT_EQ(Shutdown::next_state(state, event, are), state);
    }
  }
}

// Whatever happens, in any circumstances.
TEST(NextState, OnceQemuHasEndedOnlyItsConsoleCounts) {
  for (unsigned bits = 0; bits < 1U << 7; ++bits) {
    const Circumstances are = {(bits & 1) != 0,  (bits & 2) != 0,  (bits & 4) != 0, (bits & 8) != 0,
                               (bits & 16) != 0, (bits & 32) != 0, (bits & 64) != 0};
    for (const Event event : k_events) {
      EXPECT_EQ(Shutdown::next_state(State::ended, event, are), State::ended);
      EXPECT_EQ(Shutdown::next_state(State::last_bytes, event, are),
                event == Event::console_read ? State::ended : State::last_bytes);
    }
    for (const State state : k_states) {
      EXPECT_EQ(Shutdown::next_state(state, Event::qemu_ended, are),
                state < State::last_bytes ? State::last_bytes : state);
    }
  }
}

// Real processes stand for QEMU (it ends at the end of its input) and for the program. Without a
// monitor unless a test gives one: QEMU is then ended by SIGTERM.
class ShutdownTest : public testing::Test {
protected:
  explicit ShutdownTest(OnFail on_fail = OnFail::end)
    : m_hold(on_fail, m_folder.path(), "vm", {}) {}

  static Process start_qemu(int input) {
    SpawnOptions options;
    options.standard_input = input;
    return Process::spawn({"cat"}, options);
  }

  Shutdown shutdown() { return {m_machine, m_limits, m_log, m_facts}; }
  void start_program() { m_machine.program.emplace(Process::spawn({"sleep", "60"}, {})); }
  // It ignores SIGTERM from its first moment on.
  static Process start_deaf() {
    const auto before = ::signal(SIGTERM, SIG_IGN);
    Process process = Process::spawn({"sleep", "60"}, {});
    ::signal(SIGTERM, before);
    return process;
  }
  void pass() { m_facts.program = ExitStatus{0}; }
  void fail() { m_facts.program = ExitStatus{0x100}; }

  // What the owner's event loop does.
  bool turn_until(const std::function<bool()>& done) {
    const Deadline deadline = Deadline::after(30s);
    while (!done() && !deadline.expired()) {
      m_loop.turn(Deadline::after(1ms));
    }
    return !deadline.expired();
  }
  bool ends(Shutdown& end) {
    return turn_until([&end] { return end.poll_qemu(); });
  }
  bool program_ends() {
    return turn_until([this] {
      const auto status = m_machine.program->poll();
      m_facts.program = status ? status : m_facts.program;
      return status.has_value();
    });
  }
  void turn() { m_loop.turn(Deadline::after(0ms)); }

  EventLoop m_loop;
  TempDir m_folder{"shutdown"};
  BaseLog m_log{m_folder.path(), "test"};
  std::optional<ConsoleRelay> m_console;
  std::optional<OwnMonitor> m_monitor;
  Evidence m_evidence{m_folder.path(), "vm", m_monitor, m_log, m_loop};
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

TEST_F(ShutdownTest, NothingEndsAMachineWhoseProgramRuns) {
  start_program();
  Shutdown end = shutdown();
  turn();
  end.advance();
  EXPECT_FALSE(end.over());
  EXPECT_EQ(end.state(), State::running);
}

TEST_F(ShutdownTest, AProgramThatHasEndedEndsTheMachine) {
  pass();
  Shutdown end = shutdown();
  end.end_run();
  EXPECT_TRUE(end.over());
  EXPECT_FALSE(end.qemu_wanted());
  ASSERT_TRUE(ends(end));
  EXPECT_FALSE(end.qemu_runs());
  EXPECT_EQ(m_facts.end, QemuEnd::asked);
  EXPECT_EQ(m_facts.qemu.signal(), SIGTERM);
}

TEST_F(ShutdownTest, AMachineThatIsToEndByItselfIsLeftToDoSoIfTheProgramHasPassed) {
  pass();
  m_limits.exit_expected = true;
  Shutdown end = shutdown();
  end.take_request(ExitRequest::done);
  end.end_run();
  EXPECT_TRUE(end.qemu_wanted());
  m_input.first.reset();
  ASSERT_TRUE(ends(end));
  EXPECT_EQ(m_facts.end, QemuEnd::itself);
  EXPECT_EQ(m_facts.qemu.code(), 0);
}

TEST_F(ShutdownTest, OneWhoseProgramHasFailedIsNotWaitedFor) {
  fail();
  m_limits.exit_expected = true;
  Shutdown end = shutdown();
  end.end_run();
  EXPECT_FALSE(end.qemu_wanted());
  EXPECT_TRUE(ends(end));
}

TEST_F(ShutdownTest, ASignalEndsTheProgramWhileTheMachineStillRuns) {
  start_program();
  Shutdown end = shutdown();
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

TEST_F(ShutdownTest, ASignalWithoutProgramEndsTheMachine) {
  Shutdown end = shutdown();
  end.end_by_signal(SIGTERM);
  EXPECT_TRUE(end.over());
  EXPECT_TRUE(ends(end));
}

TEST_F(ShutdownTest, AProgramMayAskForTheEnd) {
  start_program();
  Shutdown end = shutdown();
  end.take_request(ExitRequest::untaken);
  EXPECT_TRUE(end.qemu_wanted());
  end.take_request(ExitRequest::done);
  EXPECT_FALSE(end.qemu_wanted());
  EXPECT_FALSE(end.over());
  end.take_request(ExitRequest::kill);
  ASSERT_TRUE(ends(end));
  EXPECT_EQ(m_facts.end, QemuEnd::killed);
}

// Some versions of QEMU do not survive a command while they end.
TEST_F(ShutdownTest, AMachineThatIsEndingIsNotAskedTo) {
  for (const bool told_by_program : {false, true}) {
    FdPair pair = make_socket_pair();
    m_monitor.emplace(std::move(pair.first));
    m_facts = {};
    start_program();
    Shutdown end = shutdown();
    if (told_by_program) {
      end.take_request(ExitRequest::ending);
    } else {
      m_facts.details["events"] = {{{"event", "SHUTDOWN"}, {"data", {{"guest", true}}}}};
    }
    end.take_request(ExitRequest::done);
    EXPECT_EQ(end.state(), State::quitting);
    std::array<std::byte, 4096> buffer;
    const IoCount asked = read_some(pair.second.get(), buffer);
    EXPECT_EQ(text_of(std::span(buffer).first(asked.count)),
              "{\"execute\":\"qmp_capabilities\",\"id\":0}\r\n");
    EXPECT_TRUE(m_facts.was_ending);
    EXPECT_TRUE(turn_until([&] { return look_at(pair.second.get(), POLLIN) != 0; }));
    const IoCount late = read_some(pair.second.get(), buffer);
    EXPECT_NE(text_of(std::span(buffer).first(late.count)).find("quit"), std::string_view::npos)
        << "it is still there";
    EXPECT_EQ(end.state(), State::quitting);
  }
}

TEST_F(ShutdownTest, AMachineThatIsKeptAfterItsShutdownIsAskedToEnd) {
  const Json told = {{"event", "SHUTDOWN"}, {"data", {{"guest", true}}}};
  const Json stop = {{"event", "STOP"}, {"data", Json::object()}};
  for (const bool by_its_arguments : {true, false}) {
    FdPair pair = make_socket_pair();
    m_monitor.emplace(std::move(pair.first));
    m_facts = {};
    m_limits.after_shutdown = by_its_arguments ? AfterShutdown::stays : AfterShutdown::ends;
    m_facts.details["events"] = by_its_arguments ? Json::array({told}) : Json::array({told, stop});
    start_program();
    Shutdown end = shutdown();
    end.take_request(ExitRequest::ending); // the program need not have heard that it is kept
    end.take_request(ExitRequest::done);
    std::array<std::byte, 4096> buffer;
    const IoCount asked = read_some(pair.second.get(), buffer);
    EXPECT_NE(text_of(std::span(buffer).first(asked.count)).find("quit"), std::string_view::npos);
    EXPECT_FALSE(m_facts.was_ending);
  }
}

TEST_F(ShutdownTest, AtTheDeadlineTheProgramEndsAfterTheEvidence) {
  FdPair pair = make_socket_pair();
  m_monitor.emplace(std::move(pair.first));
  start_program();
  m_limits.timeout = Duration::zero();
  Shutdown end = shutdown();
  turn();
  EXPECT_TRUE(m_facts.timed_out);
  EXPECT_TRUE(m_evidence.busy());
  EXPECT_EQ(end.state(), State::gathering);
  end.advance();
  EXPECT_FALSE(m_machine.program->poll()) << "it goes on until the evidence is there";
  pair.second.reset(); // it answers nothing
  m_monitor->handle({-1, 0, POLLIN});
  end.advance();
  EXPECT_EQ(end.state(), State::running);
  ASSERT_TRUE(program_ends());
  EXPECT_EQ(m_facts.program->signal(), SIGTERM);
  EXPECT_TRUE(end.qemu_wanted());
}

TEST_F(ShutdownTest, AProgramThatDoesNotHeedSigtermIsKilled) {
  m_machine.program.emplace(start_deaf());
  Shutdown end = shutdown();
  end.end_by_signal(SIGTERM);
  ASSERT_TRUE(program_ends());
  EXPECT_EQ(m_facts.program->signal(), SIGKILL);
}

TEST_F(ShutdownTest, AMachineThatDoesNotHeedSigtermIsKilled) {
  m_machine.qemu = QemuProcess(start_deaf(), "");
  Shutdown end = shutdown();
  end.end_by_signal(SIGTERM);
  EXPECT_EQ(end.state(), State::hurrying);
  ASSERT_TRUE(ends(end));
  EXPECT_EQ(m_facts.qemu.signal(), SIGKILL);
  EXPECT_EQ(m_facts.end, QemuEnd::forced);
  end.advance(); // it has no console
  EXPECT_EQ(end.state(), State::ended);
  EXPECT_TRUE(end.done());
}

class HeldTest : public ShutdownTest {
protected:
  HeldTest()
    : ShutdownTest(OnFail::keep) {
    m_limits.timeout = 50ms;
  }
};

TEST_F(HeldTest, AFailedMachineIsKeptWithoutDeadlineUntilASignalWhichIsNoPartOfTheRun) {
  fail();
  Shutdown end = shutdown();
  end.end_run();
  end.advance();
  EXPECT_TRUE(m_hold.active());
  EXPECT_TRUE(end.qemu_wanted());
  std::this_thread::sleep_for(100ms);
  turn();
  EXPECT_EQ(end.state(), State::held) << "the deadline of the run has passed meanwhile";
  EXPECT_FALSE(m_facts.timed_out);
  end.end_by_signal(SIGINT);
  EXPECT_FALSE(m_hold.active());
  EXPECT_FALSE(m_facts.signal);
  EXPECT_TRUE(ends(end));
}

TEST_F(HeldTest, AMachineThatEndsWhileItIsKeptEndsTheHolding) {
  fail();
  Shutdown end = shutdown();
  end.end_run();
  m_input.first.reset();
  ASSERT_TRUE(ends(end));
  EXPECT_FALSE(m_hold.active());
}

TEST_F(HeldTest, OneThatHasPassedIsNotKept) {
  pass();
  Shutdown end = shutdown();
  end.end_run();
  EXPECT_FALSE(m_hold.used());
  EXPECT_TRUE(ends(end));
}

} // namespace shutdown_test
} // namespace qt
