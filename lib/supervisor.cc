#include "supervisor.hh"

#include "error.hh"
#include "log.hh"

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <poll.h>
#include <utility>

namespace qt {

namespace {

using namespace std::chrono_literals;

constexpr Duration k_evidence = 1s;
constexpr Duration k_program = 2s;           // from SIGTERM to SIGKILL
constexpr Duration k_reader_stuck = 1s;      // takes nothing of what is left after QEMU's end
constexpr Duration k_service_before = 500ms; // a daemon may see QEMU's end before we do
constexpr Duration k_services = 2s;
// After a signal to us: together with Ending::hurry() below 300 ms.
constexpr Duration k_program_quick = 150ms;
constexpr Duration k_services_quick = 20ms;

constexpr std::size_t k_most_events = 100; // a guest that resets for ever

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
  void wait_and_handle();
  void handle_signals();
  void handle_exit_channel(short revents);
  void handle_console(const ConsoleRelay::Interests& polled);
  void handle_qemu();
  void handle_program();
  void handle_services();
  void handle_deadlines();

  void program_ended(ExitStatus status);
  void note_event(const Json& event);
  void gather_evidence(std::function<void()> next);
  void end_run(); // the program has ended, or what stands for it
  void end_program(Duration grace);
  void finish_console();
  void end_services();
  Deadline next_deadline() const;
  bool done() const;

  RunningMachine& m_machine;
  const RunLimits& m_limits;
  TerminationSignals& m_signals;
  BaseLog& m_log;
  RunFacts& m_facts;

  Ending m_ending;
  Deadline m_run_deadline = Deadline::never();
  Deadline m_program_deadline = Deadline::never();
  Deadline m_service_deadline = Deadline::never();
  Deadline m_reader_deadline = Deadline::never();
  std::uint64_t m_forwarded_before = 0;
  Deadline m_evidence_deadline = Deadline::never();
  std::function<void()> m_after_evidence; // empty: none is being gathered
  bool m_over = false;                    // the program has ended, or what stands for it
  bool m_console_finished = false;
  std::string m_requests; // a line's beginning from the exit channel
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
  if (m_machine.evidence) {
    m_facts.details.update(m_machine.evidence->details());
  }
  end_services();
}

bool Supervisor::done() const {
  return !m_ending.running() && m_console_finished && (m_over || !m_machine.program);
}

void Supervisor::wait_and_handle() {
  const bool program_runs = m_machine.program && !m_over;
  const bool qemu_runs = m_ending.running();
  std::vector<pollfd> polled = {
      {m_signals.fd(), POLLIN, 0},
      {qemu_runs ? m_machine.qemu.exit_fd() : -1, POLLIN, 0},
      {program_runs ? m_machine.program->exit_fd() : -1, POLLIN, 0},
      {m_machine.exit_channel.get(), POLLIN, 0},
      m_machine.monitor ? m_machine.monitor->interest() : pollfd{-1, 0, 0},
  };
  const std::size_t console_at = polled.size();
  auto console = m_machine.console ? m_machine.console->interests()
                                   : ConsoleRelay::Interests{{{-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}}};
  polled.insert(polled.end(), console.begin(), console.end());
  const bool services_matter = qemu_runs && m_facts.service_failure.empty();
  for (const Service& service : m_machine.services) {
    polled.push_back({services_matter ? service.process.exit_fd() : -1, POLLIN, 0});
  }
  if (::poll(polled.data(), polled.size(), next_deadline().poll_timeout()) < 0) {
    return; // interrupted
  }
  std::copy_n(polled.begin() + static_cast<std::ptrdiff_t>(console_at), console.size(),
              console.begin());
  // The console first: it has the tightest bound. Its last bytes come before the news of an end.
  if (m_machine.console) {
    handle_console(console);
  }
  handle_signals();
  if (m_machine.monitor) {
    m_machine.monitor->handle(polled[4]);
  }
  handle_exit_channel(polled[3].revents);
  if (polled[1].revents != 0) {
    handle_qemu();
  }
  if (polled[2].revents != 0) {
    handle_program();
  }
  if (services_matter) {
    handle_services();
  }
  handle_deadlines();
  finish_console();
}

Deadline Supervisor::next_deadline() const {
  Deadline next = earlier(m_run_deadline, m_ending.deadline());
  for (const Deadline& other :
       {m_program_deadline, m_service_deadline, m_reader_deadline, m_evidence_deadline}) {
    next = earlier(next, other);
  }
  return next;
}

void Supervisor::handle_signals() {
  const std::optional<int> number = m_signals.take();
  if (!number || m_facts.signal) {
    return;
  }
  m_facts.signal = number;
  m_after_evidence = nullptr; // there is no time left for it
  m_evidence_deadline = Deadline::never();
  m_log.write(format("received {}", signal_name(*number)));
  if (m_machine.program && !m_over) {
    end_program(k_program_quick); // it may write its verdict while QEMU still runs
    return;
  }
  m_over = true;
  m_ending.hurry();
}

void Supervisor::handle_exit_channel(short revents) {
  while (revents != 0 && m_machine.exit_channel) {
    std::array<std::byte, 256> buffer;
    const IoCount got = read_some(m_machine.exit_channel.get(), buffer);
    if (got.result == IoResult::ended) {
      m_machine.exit_channel.reset();
    }
    if (got.result != IoResult::done) {
      return;
    }
    m_requests += text_of(std::span(buffer).first(got.count));
    for (std::size_t end; (end = m_requests.find('\n')) != std::string::npos;) {
      const std::string request = m_requests.substr(0, end);
      m_requests.erase(0, end + 1);
      m_log.write(format("asked by the program: {}", request));
      if (request == "quit" || (request == "done" && !m_limits.exit_expected)) {
        m_ending.quit();
      } else if (request == "kill") {
        m_ending.kill_as_asked();
      }
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
    if (m_machine.escape_keys->take_help_asked()) {
      for (const std::string_view line : k_escape_help) {
        log_plain(line);
      }
    }
    if (m_machine.escape_keys->quit_asked()) {
      m_log.write("ended from the keyboard");
      m_over = true;
      m_ending.quit();
    }
  }
}

void Supervisor::handle_qemu() {
  if (!m_ending.poll()) {
    return;
  }
  if (!m_service_deadline.is_never()) { // the daemon has only seen QEMU's end before us
    m_service_deadline = Deadline::never();
    m_facts.service_failure.clear();
  }
  m_facts.ended_before_program = m_facts.ended_before_program || !m_over;
  if (m_machine.monitor) {
    m_machine.monitor->handle({-1, 0, POLLIN}); // what it has said last
    m_facts.machine_ran = m_machine.monitor->answered();
  }
  if (m_machine.console) {
    m_machine.console->drain();
    m_facts.machine_ran = m_facts.machine_ran || m_machine.console->received() > 0;
    m_forwarded_before = m_machine.console->forwarded();
  }
  if (m_machine.program && !m_over) {
    m_reader_deadline = Deadline::after(k_reader_stuck);
  }
}

// After QEMU's end: once the reader has everything it is told. A program that takes nothing may be
// waiting for just that news, so it is told after a while all the same and keeps its console.
void Supervisor::finish_console() {
  if (m_ending.running()) {
    return;
  }
  ConsoleRelay* const console = m_machine.console ? &*m_machine.console : nullptr;
  const bool forwarded = console == nullptr || m_over || console->all_forwarded();
  if (forwarded && console != nullptr) {
    console->close_reader();
  }
  if (m_console_finished) {
    return;
  }
  if (!forwarded) {
    if (!m_machine.program || !m_reader_deadline.expired()) {
      return;
    }
    if (console->forwarded() != m_forwarded_before) {
      m_forwarded_before = console->forwarded();
      m_reader_deadline = Deadline::after(k_reader_stuck);
      return;
    }
    m_log.write("the program takes nothing from the console any more");
  }
  m_console_finished = true;
  m_reader_deadline = Deadline::never();
  if (m_machine.exit_channel) {
    const std::string line = m_facts.qemu.text() + "\n";
    (void)write_some(m_machine.exit_channel.get(), bytes_of(line));
  }
}

void Supervisor::handle_program() {
  if (const std::optional<ExitStatus> status = m_machine.program->poll()) {
    program_ended(*status);
  }
}

void Supervisor::program_ended(ExitStatus status) {
  handle_exit_channel(POLLIN); // its last words
  m_machine.exit_channel.reset();
  m_program_deadline = Deadline::never();
  m_facts.program = status;
  m_log.write(format("{} {}", m_facts.program_name, status.text()));
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
  const bool passed = !m_facts.program || m_facts.program->wait_status == 0;
  if (m_machine.monitor) {
    m_machine.monitor->handle({-1, 0, POLLIN});
  }
  if (m_machine.monitor && m_machine.monitor->ended()) {
    // The program has seen QEMU go; its exit status comes in a moment.
    m_facts.ended_before_program = true;
    m_ending.await_death();
  } else if (passed && m_limits.exit_expected && !m_facts.timed_out) {
    m_ending.await_exit(m_limits.timeout ? Ending::Bound::of_the_run : Ending::Bound::own);
  } else if (m_facts.program &&
             exit_status_of(m_facts.program->wait_status) == static_cast<int>(ExitCode::deadline)) {
    gather_evidence([this] { m_ending.quit(); });
  } else {
    m_ending.quit();
  }
}

// Events that may explain how the run ends; judgement.hh says what becomes of them.
void Supervisor::note_event(const Json& event) {
  const std::string name = event.value("event", "");
  const Json data = event.value("data", Json::object());
  constexpr std::array<std::string_view, 8> k_noted = {
      "GUEST_PANICKED", "GUEST_CRASHLOADED", "SHUTDOWN",       "RESET",
      "WATCHDOG",       "BLOCK_IO_ERROR",    "MEMORY_FAILURE", "STOP"};
  if (std::find(k_noted.begin(), k_noted.end(), name) == k_noted.end()) {
    return;
  }
  m_log.write(format("event {} {}", name, dump_json(data)));
  Json& events = m_facts.details["events"];
  if (events.size() < k_most_events) {
    events.push_back({{"event", name}, {"data", data}, {"seconds", m_log.seconds()}});
  }
}

// Calls `next` once the evidence is there, or cannot be had.
void Supervisor::gather_evidence(std::function<void()> next) {
  if (!m_machine.evidence || m_machine.monitor->ended() || m_ending.asked()) {
    next();
    return;
  }
  m_log.write("asking QEMU for evidence");
  m_machine.evidence->ask(*m_machine.monitor);
  m_after_evidence = std::move(next);
  m_evidence_deadline = Deadline::after(k_evidence);
}

// Asks the program to end and gives it `grace` for its verdict.
void Supervisor::end_program(Duration grace) {
  m_machine.program->send_signal(SIGTERM);
  m_program_deadline = Deadline::after(grace);
}

void Supervisor::handle_services() {
  for (Service& service : m_machine.services) {
    const std::optional<ExitStatus> status = service.process.poll();
    if (status && !m_ending.asked() && m_facts.service_failure.empty()) {
      m_facts.service_failure =
          format("{} {} while QEMU was running", service.name, status->text());
      m_log.write(m_facts.service_failure);
      m_service_deadline = Deadline::after(k_service_before);
    }
  }
}

void Supervisor::handle_deadlines() {
  if (m_run_deadline.expired()) {
    m_run_deadline = Deadline::never();
    m_log.write("the deadline of the run has passed");
    m_facts.exit_awaited_in_vain = m_ending.awaiting_exit();
    m_facts.timed_out = !m_facts.exit_awaited_in_vain;
    gather_evidence([this] {
      if (m_machine.program && !m_over) {
        end_program(k_program);
      } else {
        m_over = true;
        m_ending.quit();
      }
    });
  }
  if (m_after_evidence && (m_machine.evidence->complete() || m_machine.monitor->ended() ||
                           m_evidence_deadline.expired())) {
    m_evidence_deadline = Deadline::never();
    std::exchange(m_after_evidence, nullptr)();
  }
  if (m_program_deadline.expired()) {
    m_program_deadline = Deadline::never();
    m_log.write(format("sending SIGKILL to {}", m_facts.program_name));
    m_machine.program->send_signal(SIGKILL);
  }
  if (m_service_deadline.expired()) {
    m_service_deadline = Deadline::never();
    m_machine.program && !m_over ? end_program(k_program) : m_ending.quit();
  }
  m_ending.handle_deadline();
}

void Supervisor::end_services() {
  for (Service& service : m_machine.services) {
    service.process.send_signal(SIGTERM);
  }
  const Deadline deadline = Deadline::after(m_facts.signal ? k_services_quick : k_services);
  for (Service& service : m_machine.services) {
    const std::optional<ExitStatus> status = service.process.wait(deadline);
    m_log.write(
        format("{} {}", service.name, status ? status->text() : "does not end; killing it"));
  }
  m_machine.services.clear();
}

} // namespace

void supervise(RunningMachine& machine, const RunLimits& limits, TerminationSignals& signals,
               BaseLog& log, RunFacts& facts) {
  Supervisor(machine, limits, signals, log, facts).run();
}

} // namespace qt
