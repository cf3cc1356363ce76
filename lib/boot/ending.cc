#include "boot/ending.hh"

#include "base/error.hh"

#include <csignal>

namespace qt {

namespace {

using namespace std::chrono_literals;

constexpr Duration k_quit = 5s;
constexpr Duration k_terminate = 2s;
constexpr Duration k_terminate_in_a_hurry = 80ms;
constexpr Duration k_kill = 10s;
constexpr Duration k_by_itself = 30s;
constexpr Duration k_dying = 1s;

} // namespace

Ending::Ending(QemuProcess& qemu, std::optional<OwnMonitor>& monitor, BaseLog& log, RunFacts& facts)
  : m_qemu(qemu)
  , m_monitor(monitor)
  , m_log(log)
  , m_facts(facts) {}

void Ending::enter(Phase phase, Duration bound) {
  m_phase = phase;
  m_deadline = Deadline::after(bound);
}

void Ending::quit() {
  if (asked() || !running()) {
    return;
  }
  m_facts.end = QemuEnd::asked;
  if (!m_monitor || m_monitor->ended()) {
    terminate(k_terminate);
    return;
  }
  m_log.write("asking QEMU to quit");
  m_monitor->ask("quit", Json::object(), {});
  enter(Phase::quitting, k_quit);
}

void Ending::hurry() {
  if (m_phase < Phase::killing) {
    quit();
    terminate(k_terminate_in_a_hurry);
  }
}

void Ending::terminate(Duration bound) {
  m_log.write("sending SIGTERM to QEMU");
  m_facts.end = QemuEnd::asked;
  m_qemu.send_signal(SIGTERM);
  enter(Phase::terminating, bound);
}

void Ending::kill() {
  m_log.write("sending SIGKILL to QEMU");
  m_qemu.send_signal(SIGKILL);
  enter(Phase::killing, k_kill);
}

void Ending::kill_as_asked() {
  if (running()) {
    m_facts.end = QemuEnd::killed;
    kill();
  }
}

void Ending::await_exit(Bound bound) {
  m_log.write("waiting for QEMU to end by itself");
  enter(Phase::awaiting_exit, k_by_itself);
  if (bound == Bound::of_the_run) {
    m_deadline = Deadline::never();
  }
}

void Ending::await_death() { enter(Phase::dying, k_dying); }

void Ending::handle_deadline() {
  if (!m_deadline.expired()) {
    return;
  }
  m_deadline = Deadline::never();
  switch (m_phase) {
  case Phase::awaiting_exit:
    m_facts.exit_awaited_in_vain = true;
    [[fallthrough]];
  case Phase::dying:
    quit();
    break;
  case Phase::quitting:
    terminate(k_terminate);
    break;
  case Phase::terminating:
    m_facts.end = QemuEnd::forced;
    kill();
    break;
  case Phase::killing:
    throw Error(format("ending QEMU (process {}): it survives SIGKILL", m_qemu.pid()));
  case Phase::running:
  case Phase::ended:
    break;
  }
}

bool Ending::poll() {
  const std::optional<ExitStatus> status = m_qemu.poll();
  if (!status || !running()) {
    return false;
  }
  m_phase = Phase::ended;
  m_deadline = Deadline::never();
  m_facts.qemu = *status;
  m_log.write(format("QEMU {}, processor time {:.1f} ms", status->text(),
                     static_cast<double>(status->processor_time.count()) / 1e3));
  return true;
}

} // namespace qt
