#include "boot/shutdown.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "data/json.hh"
#include "qemu/guest_event.hh"

#include <csignal>
#include <utility>

namespace qt {

namespace {

using namespace std::chrono_literals;

constexpr Duration k_program = 2s; // from SIGTERM to SIGKILL
// After a signal to us both together stay below 300 ms.
constexpr Duration k_program_in_a_hurry = 150ms;
constexpr Duration k_terminate_in_a_hurry = 80ms;
constexpr Duration k_by_itself = 30s;
constexpr Duration k_dying = 1s;
constexpr Duration k_quit = 5s;
constexpr Duration k_terminate = 2s;
constexpr Duration k_start = 2s;
constexpr Duration k_look = 5ms; // at a QEMU that starts
constexpr Duration k_kill = 10s;

} // namespace

Shutdown::State Shutdown::next_state(State now, Event event, const Circumstances& are) {
  using enum State;
  const bool runs = now < last_bytes;
  const bool wanted = now <= held;
  const State in_order = are.monitor_open ? quitting : terminating;
  const State failed = are.keeps_failed ? held : in_order;
  switch (event) {
  case Event::passed:
  case Event::skipped:
  case Event::failed:
  case Event::late:
    if (are.signalled) {
      return now < hurrying ? hurrying : now;
    }
    if (now != running) {
      return now;
    }
    if (are.monitor_closed) {
      return dying;
    }
    if (event == Event::passed && are.exit_expected) {
      return awaiting_exit;
    }
    if (event == Event::late && !are.evidence_gathered) {
      return gathering;
    }
    return event == Event::passed || event == Event::skipped ? in_order : failed;
  case Event::timed_out:
    return now < gathering ? gathering : now;
  case Event::given_up:
    return now < gathering ? failed : now; // what is being gathered leads there, too
  case Event::evidence:
    return now != gathering ? now : are.program_runs ? running : failed;
  case Event::released:
    return now == held ? in_order : now;
  case Event::quit:
    return wanted ? in_order : now;
  case Event::kill:
    return runs ? killing : now;
  case Event::signal:
    if (are.program_runs && now != held) { // it ends first
      return now == gathering ? running : now;
    }
    return now < hurrying ? hurrying : now;
  case Event::bound:
    if (now == awaiting_exit || now == dying) {
      return in_order;
    }
    return now == quitting ? terminating : now == terminating || now == hurrying ? killing : now;
  case Event::qemu_ended:
    return runs ? last_bytes : now;
  case Event::console_read:
    return now == last_bytes ? ended : now;
  }
  return now;
}

Shutdown::Shutdown(RunningMachine& machine, const RunLimits& limits, BaseLog& log, RunFacts& facts)
  : m_machine(machine)
  , m_limits(limits)
  , m_log(log)
  , m_facts(facts)
  , m_run_timer(machine.loop, [this] { handle_deadline(); })
  , m_state_timer(machine.loop, [this] { handle_bound(); })
  , m_program_timer(machine.loop, [this] { kill_program(); }) {
  if (limits.timeout) {
    m_run_timer.set(*limits.timeout);
  }
}

Shutdown::Circumstances Shutdown::circumstances() const {
  Circumstances are;
  are.program_runs = program_runs();
  are.signalled = m_facts.signal.has_value();
  are.exit_expected = m_limits.exit_expected && !m_facts.timed_out;
  are.monitor_open = m_machine.monitor && !m_machine.monitor->ended();
  are.monitor_closed = m_machine.monitor && m_machine.monitor->ended();
  are.keeps_failed = m_machine.hold.wanted() && !m_machine.hold.used() && !are.signalled;
  are.evidence_gathered = m_evidence_gathered;
  return are;
}

void Shutdown::take(Event event) {
  const State next = next_state(m_state, event, circumstances());
  if (next != m_state) {
    const State last = std::exchange(m_state, next);
    m_state_timer.cancel();
    enter(last);
  }
}

// What is done on the way into a state.
void Shutdown::enter(State last) {
  if (last == State::held && m_machine.hold.active()) {
    m_log.write("no longer holding the machine");
    m_machine.hold.end();
  }
  m_start = Deadline::never();
  switch (m_state) {
  case State::awaiting_exit:
    m_log.write("waiting for QEMU to end by itself");
    if (!m_limits.timeout) {
      m_state_timer.set(k_by_itself);
    }
    break;
  case State::dying: // the program has seen QEMU go
    m_facts.ended_before_program = true;
    m_state_timer.set(k_dying);
    break;
  case State::gathering:
    m_evidence_gathered = true;
    m_machine.evidence.gather(m_machine.qemu.pid());
    break;
  case State::held:
    m_run_timer.cancel();
    if (m_machine.viewers) { // who asked before meant nothing by it
      m_machine.viewers->take_release();
    }
    if (!m_machine.hold.begin(m_machine.monitor, m_log)) {
      take(Event::released);
    }
    break;
  case State::quitting:
    ask_to_quit();
    m_state_timer.set(m_facts.was_ending ? k_dying : k_quit);
    break;
  case State::terminating:
    await_start(last);
    end_started();
    break;
  case State::hurrying:
    if (last <= State::held) {
      ask_to_quit();
    }
    terminate(k_terminate_in_a_hurry);
    break;
  case State::killing:
    if (m_facts.kill_wanted) { // and no hurry
      await_start(last);
    }
    end_started();
    break;
  case State::ended:
    m_machine.exit_channel.tell(m_facts.qemu);
    break;
  case State::running:
  case State::last_bytes:
    break;
  }
}

void Shutdown::note_asked() {
  if (m_facts.end == QemuEnd::itself) {
    m_facts.was_ending = is_ending();
  }
  m_facts.end = QemuEnd::asked;
}

// By what QEMU has told us or the program, which may have heard it first. Not if we have heard that
// the machine is kept: the program need not have heard that.
bool Shutdown::is_ending() const {
  NoticeOfEnd notice;
  for (const Json& event : json_list(m_facts.details, "events")) {
    notice.note(event);
  }
  return m_limits.after_shutdown == AfterShutdown::ends &&
         (notice.given() || (m_program_knows_of_end && !notice.keeps()));
}

void Shutdown::ask_to_quit() {
  note_asked();
  if (m_facts.was_ending) { // and might not survive a command
    m_log.write("QEMU is ending already");
  } else {
    send_quit();
  }
}

void Shutdown::send_quit() {
  if (m_machine.monitor && !m_machine.monitor->ended()) {
    m_log.write("asking QEMU to quit");
    m_machine.monitor->quit();
  }
}

// QEMU is what it is to be once it catches SIGTERM. Before that it may still refuse its arguments:
// nobody is to take its end for that of a machine.
void Shutdown::await_start(State last) {
  m_start = last <= State::held ? Deadline::after(k_start) : Deadline::never();
}

void Shutdown::end_started() {
  const bool may_wait = !m_start.is_never() && !m_start.expired() && !m_facts.signal;
  if (may_wait && !m_machine.qemu.catches(SIGTERM)) {
    m_state_timer.set(k_look);
    return;
  }
  m_start = Deadline::never();
  if (m_state == State::terminating) {
    terminate(k_terminate);
    return;
  }
  m_facts.end = m_facts.kill_wanted ? QemuEnd::killed : m_facts.end;
  m_log.write("sending SIGKILL to QEMU");
  m_machine.qemu.send_signal(SIGKILL);
  m_state_timer.set(k_kill);
}

void Shutdown::terminate(Duration bound) {
  m_log.write("sending SIGTERM to QEMU");
  note_asked();
  m_machine.qemu.send_signal(SIGTERM);
  m_state_timer.set(bound);
}

void Shutdown::handle_bound() {
  if (!m_start.is_never()) {
    end_started();
    return;
  }
  switch (m_state) {
  case State::awaiting_exit:
    m_facts.exit_awaited_in_vain = true;
    break;
  case State::quitting:
    if (std::exchange(m_facts.was_ending, false)) { // else it would be gone by now
      send_quit();
      m_state_timer.set(k_quit);
      return;
    }
    break;
  case State::terminating:
  case State::hurrying:
    m_facts.end = QemuEnd::forced;
    break;
  case State::killing:
    throw Error(format("ending QEMU (process {}): it survives SIGKILL", m_machine.qemu.pid()));
  default:
    break;
  }
  take(Event::bound);
}

void Shutdown::handle_deadline() {
  m_log.write("the deadline of the run has passed");
  m_facts.exit_awaited_in_vain = m_state == State::awaiting_exit;
  m_facts.timed_out = !m_facts.exit_awaited_in_vain;
  take(Event::timed_out);
  if (m_state != State::gathering) {
    give_up();
  }
}

void Shutdown::end_run() {
  m_over = true;
  if (m_state == State::running && m_machine.monitor) {
    m_machine.monitor->catch_up(); // whether QEMU has gone
  }
  take(program_end());
}

Shutdown::Event Shutdown::program_end() const {
  const int status = m_facts.program ? exit_status_of(m_facts.program->wait_status) : 0;
  switch (status) {
  case to_int(ExitCode::done):
    return Event::passed;
  case to_int(ExitCode::absent):
    return Event::skipped;
  case to_int(ExitCode::deadline):
    return Event::late;
  default:
    return Event::failed;
  }
}

void Shutdown::end_from_keyboard() {
  m_log.write("ended from the keyboard");
  m_over = true;
  take(Event::quit);
}

void Shutdown::end_by_flood(const std::string& message) {
  m_log.write(message);
  m_facts.flood = message;
  give_up();
}

void Shutdown::end_by_signal(int number) {
  if (m_facts.signal) {
    return;
  }
  m_log.write(format("received {}", signal_name(number)));
  if (m_state != State::held) { // else the run has been judged
    m_facts.signal = number;
    m_machine.evidence.cancel(); // there is no time left for it
    if (program_runs()) {
      end_program(k_program_in_a_hurry);
    } else {
      m_over = true;
    }
  }
  take(Event::signal);
}

void Shutdown::take_request(ExitRequest request) {
  if (request == ExitRequest::quit || (request == ExitRequest::done && !m_limits.exit_expected)) {
    take(Event::quit);
  } else if (request == ExitRequest::kill) { // one that has just ended is gone all the same
    m_facts.kill_wanted = true;
    take(Event::kill);
  } else if (request == ExitRequest::ending) {
    m_program_knows_of_end = true;
  } else if (request == ExitRequest::hold) {
    m_run_timer.cancel();
    m_machine.hold.follow(m_machine.monitor, m_log);
  } else if (request == ExitRequest::pause) {
    m_run_left = m_run_timer.left();
    m_run_timer.cancel();
  } else if (request == ExitRequest::resume && m_run_left) {
    m_run_timer.set(*std::exchange(m_run_left, std::nullopt));
  }
}

bool Shutdown::poll_qemu() {
  const std::optional<ExitStatus> status =
      qemu_runs() ? m_machine.qemu.poll() : std::optional<ExitStatus>();
  if (!status) {
    return false;
  }
  m_facts.qemu = *status;
  m_log.write(format("QEMU {}, processor time {:.1f} ms", status->text(),
                     static_cast<double>(status->processor_time.count()) / 1e3));
  take(Event::qemu_ended);
  return true;
}

void Shutdown::advance() {
  if (m_machine.services.take_failed()) {
    give_up();
  }
  m_machine.evidence.advance();
  if (m_machine.evidence.take_gathered()) {
    take(Event::evidence);
    if (program_runs()) {
      end_program(k_program);
    } else {
      m_over = true;
    }
  }
  if (m_state == State::held &&
      ((m_machine.viewers && m_machine.viewers->take_release()) || m_machine.hold.shell_ended())) {
    take(Event::released);
  }
  if (!qemu_runs()) {
    look_at_reader();
  }
}

void Shutdown::look_at_reader() {
  using LastBytes = ConsoleRelay::LastBytes;
  ConsoleRelay* const console = m_machine.console ? &*m_machine.console : nullptr;
  const LastBytes last = console == nullptr || m_over ? LastBytes::taken : console->last_bytes();
  if (last == LastBytes::taken && console != nullptr) {
    console->close_reader();
  }
  if (last == LastBytes::stuck && m_state == State::last_bytes) {
    m_log.write("the program takes nothing from the console any more");
  }
  if (last != LastBytes::still_read) {
    take(Event::console_read);
  }
}

void Shutdown::give_up() {
  if (program_runs()) {
    end_program(k_program);
  } else {
    m_over = true;
    take(Event::given_up);
  }
}

void Shutdown::end_program(Duration grace) {
  m_machine.program->send_signal(SIGTERM);
  m_program_timer.set(grace);
}

void Shutdown::kill_program() {
  if (program_runs()) {
    m_log.write(format("sending SIGKILL to {}", m_facts.program_name));
    m_machine.program->send_signal(SIGKILL);
  }
}

} // namespace qt
