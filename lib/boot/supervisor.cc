#include "boot/supervisor.hh"

#include "base/format.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "boot/shutdown.hh"
#include "os/event_loop.hh"
#include "qemu/guest_event.hh"

#include <algorithm>
#include <utility>
#include <vector>

namespace qt {

namespace {

constexpr std::size_t k_most = 100;

} // namespace

void NotedEvents::note(const Json& event) {
  const std::string name = json_text(event, "event");
  if (!is_noted_event(name)) {
    return;
  }
  const Json& data = json_member(event, "data");
  Json noted = {{"event", name}, {"data", data}, {"seconds", m_log.seconds()}};
  if (const auto time = event.find("timestamp"); time != event.end()) {
    noted["timestamp"] = *time;
  }
  m_log.write(format("event {} {}", name, dump_json(data)));
  Json& events = m_details["events"];
  if (events.size() == k_most) {
    const auto fails_nothing = [](const Json& kept) { return !failure_at_once(kept); };
    const auto middle = events.begin() + k_most / 2;
    const auto found = std::find_if(middle, events.end(), fails_nothing);
    events.erase(found == events.end() ? middle : found);
  }
  events.push_back(noted);
  if (m_telling) {
    tell(noted);
  }
}

void NotedEvents::tell_program() {
  m_telling = true;
  for (const Json& event : json_list(m_details, "events")) {
    tell(event);
  }
}

// Of a flood of events those that fail a dialogue get through.
void NotedEvents::tell(const Json& event) {
  m_program.tell(MachineEvent{event}, failure_at_once(event)
                                          ? ExitChannelOfBoot::Kind::needed
                                          : ExitChannelOfBoot::Kind::dispensable);
}

namespace {

using namespace std::chrono_literals;

constexpr Duration k_services = 2s;
constexpr Duration k_services_quick = 20ms; // after a signal to us
constexpr std::size_t k_most_untold = 1000;

class Supervisor {
public:
  Supervisor(RunningMachine& machine, const RunLimits& limits, TerminationSignals& signals,
             BaseLog& log, RunFacts& facts)
    : m_machine(machine)
    , m_signals(signals)
    , m_log(log)
    , m_facts(facts)
    , m_holds_panics(machine.hold.wanted() && limits.after_panic == AfterPanic::ends)
    , m_end(machine, limits, log, facts)
    , m_events(facts.details, machine.exit_channel, log) {
    if (m_machine.monitor && limits.after_panic) {
      m_early_end.emplace(*m_machine.monitor,
                          m_holds_panics ? AfterPanic::stays : *limits.after_panic,
                          limits.after_shutdown);
    }
  }

  void run();

private:
  void register_all();
  void watch_for_ends();
  void turn();
  void handle_requests();
  void keep_hands();
  void tell_of_hands();
  void look_at_console();
  void handle_escape_keys();
  void handle_qemu();
  void handle_program();
  void note_event(const Json& event);
  void let_panics_end();
  void settle();
  void tell_if_settled();

  RunningMachine& m_machine;
  TerminationSignals& m_signals;
  BaseLog& m_log;
  RunFacts& m_facts;
  const bool m_holds_panics; // which would end it in an ordinary run
  std::optional<EarlyEnd> m_early_end;

  Shutdown m_end;
  NotedEvents m_events;
  std::vector<HandInput> m_untold; // what people have done before a program asked to be told
  std::vector<EventLoop::Registration> m_watched;
  bool m_wait_is_noted = false;
  bool m_is_settled = false;
  bool m_settled_is_asked_for = false;
};

void Supervisor::run() {
  if (m_machine.monitor) {
    const auto note = [this](const Json& event) { note_event(event); };
    m_machine.monitor->listen(note);
    if (m_early_end) {
      const auto look = [this, note] { m_early_end->look(note, [this] { settle(); }); };
      m_machine.monitor->on_restart(look);
      look();
    }
  }
  keep_hands();
  register_all();
  while (!m_end.done()) {
    turn();
  }
  m_facts.details.update(m_machine.evidence.details());
  m_facts.service_failure = m_machine.services.failure();
  m_facts.touched = !m_untold.empty();
  m_machine.services.end(Deadline::after(m_facts.signal ? k_services_quick : k_services));
  if (m_machine.console) {
    m_machine.console->finish_log();
  }
}

// In the order in which news are handled. The console first: it has the tightest bound, and its
// last bytes come before the news of an end.
void Supervisor::register_all() {
  EventLoop& loop = m_machine.loop;
  if (m_machine.console) {
    m_machine.console->register_with(loop);
  }
  m_watched.push_back(loop.watch(m_machine.output));
  m_machine.services.register_with(loop, [this] { return m_end.qemu_wanted(); });
  m_watched.push_back(loop.watch(m_signals.fd(), [this](const pollfd&) {
    if (const auto number = m_signals.take()) {
      m_end.end_by_signal(*number);
    }
  }));
  if (m_machine.monitor) {
    m_watched.push_back(loop.watch(*m_machine.monitor));
  }
  m_watched.push_back(loop.watch([this] { return m_machine.exit_channel.interest(); },
                                 [this](const pollfd&) { handle_requests(); }));
  watch_for_ends();
}

void Supervisor::watch_for_ends() {
  const auto watch = [this](auto fd, EventLoop::Handler handler) {
    m_watched.push_back(m_machine.loop.watch(
        [fd] {
          return pollfd{fd(), POLLIN, 0};
        },
        std::move(handler)));
  };
  watch([this] { return m_end.qemu_runs() ? m_machine.qemu.exit_fd() : -1; },
        [this](const pollfd&) { handle_qemu(); });
  watch([this] { return m_end.program_runs() ? m_machine.program->exit_fd() : -1; },
        [this](const pollfd&) { handle_program(); });
  watch([this] { return m_machine.hold.exit_fd(); }, {});
}

void Supervisor::turn() {
  const EventLoop::Turn turn = m_machine.loop.turn(m_machine.folder.deadline());
  m_machine.qemu.look_for_emulator();
  tell_if_settled(); // the monitor may have ended
  if (turn.interrupted) {
    return;
  }
  if (m_machine.console) {
    look_at_console();
  }
  if (m_machine.viewers) {
    m_machine.viewers->send_away();
  }
  if (m_machine.folder.check()) {
    m_end.end_by_flood(m_machine.folder.text());
  }
  m_end.advance();
}

void Supervisor::handle_requests() {
  if (m_machine.monitor) { // what has come is to be known first
    m_machine.monitor->catch_up();
  }
  for (const ExitRequest request : m_machine.exit_channel.take_requests()) {
    m_log.write(format("asked by the program: {}", text(request)));
    switch (request) {
    case ExitRequest::events:
      m_events.tell_program();
      tell_of_hands();
      m_settled_is_asked_for = true;
      tell_if_settled();
      break;
    case ExitRequest::panics:
      if (m_facts.panics_awaited++ == 0) {
        let_panics_end();
      }
      break;
    case ExitRequest::untaken:
      m_machine.exit_channel.tell(
          UntakenBytes{m_machine.console ? m_machine.console->untaken() : 0});
      break;
    default:
      m_end.take_request(request);
    }
  }
}

// The program may begin long after the machine, as one that another machine starts in between. Or
// there is none.
void Supervisor::keep_hands() {
  if (m_machine.viewers) {
    m_machine.viewers->tell_of_hands([this](const HandInput& input) {
      if (!m_machine.hold.used() && m_untold.size() < k_most_untold) {
        m_untold.push_back({input.kind, input.text, true});
      }
    });
  }
}

// Also a program that gave nobody the terminal is to know that somebody else had a hand in it.
void Supervisor::tell_of_hands() {
  for (const HandInput& input : std::exchange(m_untold, {})) {
    m_machine.exit_channel.tell(input, ExitChannelOfBoot::Kind::dispensable);
  }
  if (m_machine.viewers) {
    m_machine.viewers->tell_of_hands([this](const HandInput& input) {
      m_machine.exit_channel.tell(input, ExitChannelOfBoot::Kind::dispensable);
    });
  }
}

void Supervisor::look_at_console() {
  if (!m_wait_is_noted && m_machine.console->waits_for_reader()) {
    m_wait_is_noted = true;
    m_log.write(
        format("the reader of the console is {} behind; QEMU waits for it (log-limit)",
               format_size(m_machine.console->received() - m_machine.console->forwarded())));
  }
  if (m_machine.program || m_end.over()) {
    return;
  }
  if (m_machine.console->reader_gone()) {
    m_log.write("the reader of the console has gone");
    m_end.end_run();
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
      m_end.end_from_keyboard();
    }
  }
}

void Supervisor::handle_qemu() {
  if (!m_end.poll_qemu()) {
    return;
  }
  m_machine.output.finish();
  m_facts.ended_before_program = m_facts.ended_before_program || !m_end.over();
  if (m_machine.monitor) {
    m_machine.monitor->catch_up(); // what it has said last
    m_facts.machine_ran = m_machine.monitor->answered();
  }
  if (m_facts.end == QemuEnd::itself || m_facts.was_ending) {
    m_machine.services.qemu_ended_by_itself();
  }
  if (m_machine.console) {
    m_machine.console->drain();
    m_facts.machine_ran = m_facts.machine_ran || m_machine.console->received() > 0;
    if (m_end.program_runs()) {
      m_machine.console->begin_last_bytes(m_machine.loop);
    }
  }
  if (m_facts.qemu.by_signal() && m_facts.end == QemuEnd::itself && !m_facts.signal) {
    m_machine.evidence.gather_of_crash(m_machine.qemu.pid(), m_facts.qemu, m_machine.emulator);
  }
}

void Supervisor::handle_program() {
  const std::optional<ExitStatus> status = m_machine.program->poll();
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
  m_end.end_run();
}

void Supervisor::note_event(const Json& event) {
  if (m_machine.viewers) {
    m_machine.viewers->note_event(event);
  }
  if (m_early_end) {
    m_early_end->note(event);
  }
  if (!m_machine.hold.used()) { // what people do to it is no part of the test
    m_events.note(event);
    if (event["event"] == "GUEST_PANICKED" && m_end.over() && m_end.qemu_wanted()) {
      let_panics_end(); // the end of QEMU is what is being waited for
    }
  }
}

// A machine that would stay for people to look at does as it would in an ordinary run.
void Supervisor::let_panics_end() {
  if (m_early_end && m_holds_panics) {
    m_early_end->let_panics_end();
  }
}

// Nothing of ours is under way on the monitor: the program may ask it.
void Supervisor::settle() {
  m_is_settled = true;
  tell_if_settled();
}

void Supervisor::tell_if_settled() {
  const bool tells = m_is_settled || !m_early_end || m_machine.monitor->ended();
  if (tells && std::exchange(m_settled_is_asked_for, false)) {
    m_machine.exit_channel.tell(Settled{});
  }
}

} // namespace

void supervise(RunningMachine& machine, const RunLimits& limits, TerminationSignals& signals,
               BaseLog& log, RunFacts& facts) {
  Supervisor(machine, limits, signals, log, facts).run();
}

} // namespace qt
