#include "supervisor.hh"

#include "error.hh"
#include "guest_event.hh"
#include "log.hh"

#include <algorithm>
#include <array>
#include <csignal>
#include <poll.h>
#include <utility>

namespace qt {

namespace {

using namespace std::chrono_literals;

constexpr Duration k_program = 2s; // from SIGTERM to SIGKILL
constexpr Duration k_services = 2s;
// After a signal to us: together with Ending::hurry() below 300 ms.
constexpr Duration k_program_quick = 150ms;
constexpr Duration k_services_quick = 20ms;

constexpr std::size_t k_most_events = 100; // a guest that resets for ever: the first half is kept

class Supervisor {
public:
  Supervisor(RunningMachine& machine, const RunLimits& limits, TerminationSignals& signals,
             BaseLog& log, RunFacts& facts)
    : m_machine(machine)
    , m_limits(limits)
    , m_signals(signals)
    , m_log(log)
    , m_facts(facts)
    , m_ending(machine.qemu, machine.monitor, log, facts) {}

  void run();

private:
  bool done() const;
  Deadline next_deadline() const;
  void wait_and_handle();
  void handle_signals();
  void handle_requests();
  void handle_console(const ConsoleRelay::Interests& polled);
  void handle_escape_keys();
  void handle_qemu();
  void handle_program();
  void handle_deadlines();
  void finish_console();

  void note_event(const Json& event);
  void tell_event(const Json& event);
  void end_run(); // the program has ended, or what stands for it
  void end_or_hold();
  void handle_hold();
  void end_program_or_run();

  // Nothing but QEMU is waited for: the program has ended, or what stands for it.
  bool program_runs() const { return m_machine.program && m_machine.program->running(); }

  RunningMachine& m_machine;
  const RunLimits& m_limits;
  TerminationSignals& m_signals;
  BaseLog& m_log;
  RunFacts& m_facts;

  Ending m_ending;
  LastBytes m_last_bytes;
  Deadline m_run_deadline = Deadline::never();
  bool m_over = false; // the program has ended, or what stands for it
  bool m_console_finished = false;
  bool m_tells_events = false; // the program has asked for them
};

void Supervisor::run() {
  if (m_limits.timeout) {
    m_run_deadline = Deadline::after(*m_limits.timeout);
  }
  if (m_machine.monitor) {
    m_machine.monitor->listen([this](const Json& event) { note_event(event); });
  }
  while (!done()) {
    wait_and_handle();
  }
  m_facts.details.update(m_machine.evidence.details());
  m_facts.service_failure = m_machine.services.failure();
  m_machine.services.end(Deadline::after(m_facts.signal ? k_services_quick : k_services));
}

bool Supervisor::done() const {
  return !m_ending.running() && m_console_finished && !program_runs() && !m_machine.evidence.busy();
}

void Supervisor::wait_and_handle() {
  std::vector<pollfd> polled = {
      {m_signals.fd(), POLLIN, 0},
      {m_ending.running() ? m_machine.qemu.exit_fd() : -1, POLLIN, 0},
      {program_runs() ? m_machine.program->exit_fd() : -1, POLLIN, 0},
      {m_machine.exit_channel.fd(), POLLIN, 0},
      m_machine.monitor ? m_machine.monitor->interest() : pollfd{-1, 0, 0},
      m_machine.evidence.interest(),
  };
  const std::size_t console_at = polled.size();
  auto console = m_machine.console ? m_machine.console->interests()
                                   : ConsoleRelay::Interests{{{-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}}};
  polled.insert(polled.end(), console.begin(), console.end());
  const auto services_matter = [this] { return m_ending.running() && !m_ending.asked(); };
  if (services_matter()) {
    m_machine.services.add_polls(polled);
  }
  const std::size_t viewers_at = polled.size();
  if (m_machine.viewers) {
    m_machine.viewers->add_polls(polled);
  }
  polled.push_back({m_machine.hold.exit_fd(), POLLIN, 0});
  if (::poll(polled.data(), polled.size(), next_deadline().poll_timeout()) < 0) {
    return; // interrupted
  }
  std::copy_n(polled.begin() + static_cast<std::ptrdiff_t>(console_at), console.size(),
              console.begin());
  // The console first: it has the tightest bound. Its last bytes come before the news of an end.
  if (m_machine.console) {
    handle_console(console);
  }
  if (m_machine.viewers) {
    m_machine.viewers->handle(std::span(polled).subspan(viewers_at));
  }
  handle_signals();
  if (m_machine.monitor) {
    m_machine.monitor->handle(polled[4]);
  }
  handle_requests();
  handle_qemu();
  handle_program();
  if (services_matter()) {
    m_machine.services.check();
  }
  m_machine.evidence.advance();
  handle_deadlines();
  handle_hold();
  finish_console();
}

Deadline Supervisor::next_deadline() const {
  Deadline next = earlier(m_run_deadline, m_ending.deadline());
  if (m_machine.program) {
    next = earlier(next, m_machine.program->deadline());
  }
  for (const Deadline& other :
       {m_machine.services.deadline(), m_last_bytes.deadline(), m_machine.evidence.deadline()}) {
    next = earlier(next, other);
  }
  return next;
}

void Supervisor::handle_signals() {
  const std::optional<int> number = m_signals.take();
  if (!number || m_facts.signal) {
    return;
  }
  if (m_machine.hold.active()) { // the run has been judged
    m_log.write(format("received {}", signal_name(*number)));
    m_machine.hold.end();
    m_ending.hurry();
    return;
  }
  m_facts.signal = number;
  m_machine.evidence.cancel(); // there is no time left for it
  m_log.write(format("received {}", signal_name(*number)));
  if (program_runs()) {
    m_machine.program->end(k_program_quick); // it may write its verdict while QEMU still runs
    return;
  }
  m_over = true;
  m_ending.hurry();
}

void Supervisor::handle_requests() {
  for (const std::string& request : m_machine.exit_channel.take_requests()) {
    m_log.write(format("asked by the program: {}", request));
    if (request == "events") {
      m_tells_events = true;
      for (const Json& event : m_facts.details.value("events", Json::array())) {
        tell_event(event);
      }
    } else if (request == "untaken") {
      const std::size_t untaken = m_machine.console ? m_machine.console->untaken() : 0;
      m_machine.exit_channel.tell(format("untaken {}", untaken));
    } else if (request == "quit" || (request == "done" && !m_limits.exit_expected)) {
      m_ending.quit();
    } else if (request == "kill") {
      m_ending.kill_as_asked();
    } else if (request == "hold") {
      m_run_deadline = Deadline::never();
      m_machine.hold.follow(m_machine.monitor, m_log);
    }
  }
}

void Supervisor::handle_console(const ConsoleRelay::Interests& polled) {
  ConsoleRelay& console = *m_machine.console;
  console.handle(polled);
  if (m_machine.program || m_over) {
    return;
  }
  if (console.reader_gone()) {
    m_log.write("the reader of the console has gone");
    end_run();
  } else if (m_machine.escape_keys != nullptr) {
    handle_escape_keys();
  }
}

void Supervisor::handle_escape_keys() {
  for (const char command : m_machine.escape_keys->take_commands()) {
    if (command == 'h' || command == '?') {
      for (const std::string_view line : k_escape_help) {
        log_plain(line);
      }
    } else if (command == 'x') {
      m_log.write("ended from the keyboard");
      m_over = true;
      m_ending.quit();
    }
  }
}

void Supervisor::handle_qemu() {
  if (!m_ending.running() || !m_ending.poll()) {
    return;
  }
  m_machine.services.qemu_ended();
  m_facts.ended_before_program = m_facts.ended_before_program || !m_over;
  if (m_machine.monitor) {
    m_machine.monitor->handle({-1, 0, POLLIN}); // what it has said last
    m_facts.machine_ran = m_machine.monitor->answered();
  }
  if (m_machine.console) {
    m_machine.console->drain();
    m_facts.machine_ran = m_facts.machine_ran || m_machine.console->received() > 0;
    if (program_runs()) {
      m_last_bytes.begin(*m_machine.console);
    }
  }
  if (m_facts.qemu.by_signal() && m_facts.end == QemuEnd::itself && !m_facts.signal) {
    m_machine.evidence.gather_of_crash(m_machine.qemu.pid(), m_facts.qemu, m_machine.emulator);
  }
}

void Supervisor::finish_console() {
  if (m_ending.running()) {
    return;
  }
  ConsoleRelay* const console = m_machine.console ? &*m_machine.console : nullptr;
  const LastBytes::Reader reader =
      console == nullptr || m_over ? LastBytes::Reader::satisfied : m_last_bytes.look(*console);
  if (reader == LastBytes::Reader::satisfied && console != nullptr) {
    console->close_reader();
  }
  if (m_console_finished || reader == LastBytes::Reader::still_reading) {
    return;
  }
  if (reader == LastBytes::Reader::stuck) {
    m_log.write("the program takes nothing from the console any more");
  }
  m_console_finished = true;
  m_last_bytes.end();
  m_machine.exit_channel.tell(m_facts.qemu.text());
}

void Supervisor::handle_program() {
  const auto status = m_machine.program ? m_machine.program->poll() : std::nullopt;
  if (!status) {
    return;
  }
  handle_requests(); // its last words
  m_machine.exit_channel.close();
  m_facts.program = status;
  m_log.write(format("{} {}", m_facts.program_name, status->text()));
  if (m_machine.console) {
    m_machine.console->close_reader();
  }
  end_run();
}

void Supervisor::end_run() {
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
void Supervisor::end_or_hold() {
  if (!m_facts.signal && m_machine.hold.begin(m_machine.monitor, m_log)) {
    m_run_deadline = Deadline::never();
  } else {
    m_ending.quit();
  }
}

void Supervisor::handle_hold() {
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

void Supervisor::end_program_or_run() {
  if (program_runs()) {
    m_machine.program->end(k_program);
  } else {
    m_over = true;
    end_or_hold();
  }
}

// Events that may explain how the run ends: guest_event.hh says what becomes of them.
void Supervisor::note_event(const Json& event) {
  if (m_machine.viewers) {
    m_machine.viewers->note_event(event);
  }
  if (m_machine.hold.used()) {
    return; // what people do to it is no part of the test
  }
  if (!is_noted_event(event["event"].get<std::string>())) {
    return;
  }
  const Json noted = {
      {"event", event["event"]}, {"data", event["data"]}, {"seconds", m_log.seconds()}};
  m_log.write(format("event {} {}", noted["event"].get<std::string>(), dump_json(noted["data"])));
  Json& events = m_facts.details["events"];
  if (events.size() == k_most_events) {
    events.erase(k_most_events / 2);
  }
  events.push_back(noted);
  tell_event(noted);
}

void Supervisor::tell_event(const Json& event) {
  if (m_tells_events) {
    m_machine.exit_channel.tell("event " + dump_json(event));
  }
}

void Supervisor::handle_deadlines() {
  if (m_run_deadline.expired()) {
    m_run_deadline = Deadline::never();
    m_log.write("the deadline of the run has passed");
    m_facts.exit_awaited_in_vain = m_ending.awaiting_exit();
    m_facts.timed_out = !m_facts.exit_awaited_in_vain;
    if (m_ending.running() && !m_ending.asked() && !m_machine.evidence.busy()) {
      m_machine.evidence.gather(m_machine.qemu.pid(), [this] { end_program_or_run(); });
    } else {
      end_program_or_run();
    }
  }
  if (m_machine.program) {
    m_machine.program->handle_deadline(m_log);
  }
  if (m_machine.services.take_failed()) {
    end_program_or_run();
  }
  m_ending.handle_deadline();
}

} // namespace

void supervise(RunningMachine& machine, const RunLimits& limits, TerminationSignals& signals,
               BaseLog& log, RunFacts& facts) {
  Supervisor(machine, limits, signals, log, facts).run();
}

} // namespace qt
