#include "boot/run_end.hh"

#include "base/exit_code.hh"
#include "base/format.hh"
#include "os/event_loop.hh"

namespace qt {

namespace {

using namespace std::chrono_literals;

constexpr Duration k_program = 2s; // from SIGTERM to SIGKILL
// After a signal to us: together with Ending::hurry() below 300 ms.
constexpr Duration k_program_quick = 150ms;

} // namespace

RunEnd::RunEnd(RunningMachine& machine, const RunLimits& limits, BaseLog& log, RunFacts& facts)
  : m_machine(machine)
  , m_limits(limits)
  , m_log(log)
  , m_facts(facts)
  , m_ending(machine.qemu, machine.monitor, log, facts)
  , m_run_deadline(limits.timeout ? Deadline::after(*limits.timeout) : Deadline::never()) {}

void RunEnd::end_run() {
  m_over = true;
  if (m_facts.signal) {
    m_ending.hurry();
  }
  if (!m_ending.untouched()) {
    return;
  }
  if (m_machine.monitor) {
    m_machine.monitor->handle({-1, 0, POLLIN});
  }
  const int status = m_facts.program ? exit_status_of(m_facts.program->wait_status) : 0;
  if (m_machine.monitor && m_machine.monitor->ended()) {
    // The program has seen QEMU go; its exit status comes in a moment.
    m_facts.ended_before_program = true;
    m_ending.await_death();
  } else if (status == 0 && m_limits.exit_expected && !m_facts.timed_out) {
    m_ending.await_exit(m_limits.timeout ? Ending::Bound::of_the_run : Ending::Bound::own);
  } else if (status == static_cast<int>(ExitCode::deadline) && !m_machine.evidence.busy()) {
    m_machine.evidence.gather(m_machine.qemu.pid(), [this] { end_or_hold(); });
  } else if (status == 0 || status == static_cast<int>(ExitCode::absent)) {
    m_ending.quit();
  } else {
    end_or_hold();
  }
}

// The test has failed. People may want to look at the machine first.
void RunEnd::end_or_hold() {
  if (!m_facts.signal && m_machine.hold.begin(m_machine.monitor, m_log)) {
    m_run_deadline = Deadline::never();
  } else {
    m_ending.quit();
  }
}

void RunEnd::end_program_or_run() {
  if (m_machine.program_runs()) {
    m_machine.program->end(k_program);
  } else {
    m_over = true;
    end_or_hold();
  }
}

void RunEnd::end_from_keyboard() {
  m_log.write("ended from the keyboard");
  m_over = true;
  m_ending.quit();
}

void RunEnd::end_by_flood(const std::string& message) {
  m_log.write(message);
  m_facts.flood = message;
  end_program_or_run();
}

void RunEnd::end_by_signal(int number) {
  if (m_facts.signal) {
    return;
  }
  m_log.write(format("received {}", signal_name(number)));
  if (m_machine.hold.active()) { // the run has been judged
    m_machine.hold.end();
    m_ending.hurry();
    return;
  }
  m_facts.signal = number;
  m_machine.evidence.cancel(); // there is no time left for it
  if (m_machine.program_runs()) {
    m_machine.program->end(k_program_quick); // it may write its verdict while QEMU still runs
    return;
  }
  m_over = true;
  m_ending.hurry();
}

void RunEnd::take_request(ExitRequest request) {
  if (request == ExitRequest::quit || (request == ExitRequest::done && !m_limits.exit_expected)) {
    m_ending.quit();
  } else if (request == ExitRequest::kill) {
    m_ending.kill_as_asked();
  } else if (request == ExitRequest::hold) {
    m_run_deadline = Deadline::never();
    m_machine.hold.follow(m_machine.monitor, m_log);
  }
}

Deadline RunEnd::deadline() const {
  const Deadline next = earlier(m_run_deadline, m_ending.deadline());
  return m_machine.program ? earlier(next, m_machine.program->deadline()) : next;
}

void RunEnd::put_off(Duration span) {
  if (span > Duration::zero()) {
    m_run_deadline = qt::put_off(m_run_deadline, span);
  }
}

void RunEnd::handle_deadlines() {
  if (m_run_deadline.expired()) {
    handle_run_deadline();
  }
  if (m_machine.program) {
    m_machine.program->handle_deadline(m_log);
  }
  if (m_machine.services.take_failed()) {
    end_program_or_run();
  }
  m_ending.handle_deadline();
}

void RunEnd::handle_run_deadline() {
  m_run_deadline = Deadline::never();
  m_log.write("the deadline of the run has passed");
  m_facts.exit_awaited_in_vain = m_ending.awaiting_exit();
  m_facts.timed_out = !m_facts.exit_awaited_in_vain;
  if (qemu_wanted() && !m_machine.evidence.busy()) {
    m_machine.evidence.gather(m_machine.qemu.pid(), [this] { end_program_or_run(); });
  } else {
    end_program_or_run();
  }
}

void RunEnd::handle_hold() {
  if (!m_machine.hold.active()) {
    return;
  }
  const bool released = m_machine.viewers && m_machine.viewers->take_release();
  if (released || m_machine.hold.shell_ended() || !m_ending.running()) {
    m_log.write("no longer holding the machine");
    m_machine.hold.end();
    m_ending.quit();
  }
}

bool RunEnd::poll_qemu() { return m_ending.running() && m_ending.poll(); }

} // namespace qt
