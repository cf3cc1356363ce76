#include "expect/guest.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/event_loop.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sys/socket.h>

namespace qt {

namespace {

constexpr std::size_t k_longest_keys = 256; // without a line end, in one line of the log

} // namespace

Guest::Guest(const VmChannels& channels, const Watch& watch, DialogueLog& log, EventLoop& loop)
  : m_channels(channels)
  , m_log(log)
  , m_loop(loop)
  , m_exit(channels.exit, channels.name) {
  if (channels.console >= 0) {
    m_console = std::make_unique<Console>(channels.name, channels.console, watch, log);
  }
  register_with();
  m_exit.ask(ExitRequest::events);
}

void Guest::register_with() {
  if (m_console) {
    m_watched.push_back(m_loop.watch(
        [this] {
          const bool takes_more = !m_console->ended() && !m_console->is_full();
          return pollfd{takes_more ? m_console->fd() : -1, POLLIN, 0};
        },
        [this](const pollfd&) {
          if (m_is_visited && has_exit() && !m_exit_ended) {
            read_exit(); // which key it was, before its echo
          }
          m_console->read();
          note_full_console();
          note_first_sign();
        }));
  }
  if (has_monitor()) {
    m_watched.push_back(m_loop.watch([this] { return monitor_interest(); },
                                     [this](const pollfd& found) {
                                       if ((found.revents & POLLOUT) != 0) {
                                         write_monitor();
                                       }
                                       if ((found.revents & ~POLLOUT) != 0) {
                                         read_monitor();
                                       }
                                     }));
  }
  if (has_exit()) {
    m_watched.push_back(m_loop.watch(
        [this] {
          return pollfd{m_exit_ended ? -1 : m_channels.exit, POLLIN, 0};
        },
        [this](const pollfd&) {
          read_exit();
          note_first_sign();
        }));
  }
}

// Before the negotiation nothing is read: QEMU sends no events and its greeting can wait.
pollfd Guest::monitor_interest() const {
  const bool reads = !m_monitor_ended && m_monitor == Monitor::ours && m_qmp.negotiated();
  const int events = sendable() > 0 ? POLLIN | POLLOUT : POLLIN;
  return {reads ? m_channels.qmp : -1, static_cast<short>(events), 0};
}

// Of what is to be written to the monitor. Until qt-boot is done with it, only the negotiation.
std::size_t Guest::sendable() const {
  const std::string& output = m_qmp.output();
  if (m_is_settled || !has_exit() || m_exit_ended) {
    return output.size();
  }
  return m_has_negotiated ? 0 : output.find('\n') + 1;
}

void Guest::note_first_sign() {
  if (!m_first_sign && ((m_console && m_console->ended()) || m_exit_ended)) {
    m_first_sign = Clock::now();
  }
}

// While a wait works through what has come, the console is full again and again: said once.
void Guest::note_full_console() {
  if (!m_full_is_noted && m_console->is_full()) {
    m_full_is_noted = true;
    m_log.note(full_console());
  }
}

std::string Guest::full_console() const {
  return m_console && m_console->is_full()
             ? format("{} of the console of '{}' wait for a step that looks at them; until then no "
                      "more is read, and QEMU may stand still (log-limit)",
                      format_size(m_console->unconsumed()), name())
             : "";
}

void Guest::request_end(ExitRequest request) {
  m_request = request;
  if (m_qmp.ending()) {
    m_exit.ask(ExitRequest::ending);
  }
  m_log.note(format("{}: told '{}'", name(), text(request)));
  m_exit.ask(request);
}

void Guest::ask_untaken() {
  m_untaken.reset();
  m_exit.ask(ExitRequest::untaken);
}

void Guest::want_event(const std::string& name, const Json& data) {
  const bool is_panic_end = json_text(data, "reason") == "guest-panic";
  if (!is_panic_event(name) && !is_panic_end) {
    m_wanted_events.insert(name);
    return;
  }
  m_wanted_events.insert("SHUTDOWN"); // a panic brings that too
  const std::size_t before = std::max(m_panics_awaited, m_panic_ends_awaited);
  ++(is_panic_end ? m_panic_ends_awaited : m_panics_awaited);
  if (std::max(m_panics_awaited, m_panic_ends_awaited) > before) {
    m_exit.ask(ExitRequest::panics);
  }
}

bool Guest::is_wanted(const Json& event) {
  const std::string name = json_text(event, "event");
  if (!is_panic_event(name)) {
    return m_wanted_events.contains(name);
  }
  m_panics.push_back(event);
  return count_panics(m_panics) <= std::max(m_panics_awaited, m_panic_ends_awaited);
}

void Guest::take_event(const Json& event) {
  m_log.note(format("{}: {}", name(), text(MachineEvent{event})));
  if (is_wanted(event)) {
    const bool told_before = m_panics.size() > 1 && json_at(event, "/data/early") != nullptr;
    if (!told_before) {
      m_qmp.take_early_event(event);
    }
    return;
  }
  m_events.push_back(event);
  // A machine that is told to end may meet errors on its way; a panic is one all the same.
  const std::optional<GuestFinding> failure = failure_at_once(event);
  const bool told = m_request == ExitRequest::quit || m_request == ExitRequest::kill;
  if (failure && m_failure_at.is_never() && (!told || failure->cause == Cause::guest_panic)) {
    m_failure_at = Deadline::after(k_last_words);
  }
}

void Guest::forget_events() {
  const bool reads = has_monitor() && m_qmp.negotiated() && m_monitor == Monitor::ours;
  while (reads && !m_monitor_ended && read_monitor()) {
  }
  m_qmp.events().clear();
}

std::optional<GuestFinding> Guest::failure() const {
  return m_failure_at.is_never() ? std::nullopt : explanation();
}

std::optional<GuestFinding> Guest::explanation() const {
  const int status = m_end && !m_end->by_signal() ? m_end->code() : 0;
  return qt::explanation(m_events, m_events_before, status);
}

bool Guest::crashed() const {
  // What qt-boot does to a QEMU that does not heed "quit" is no crash.
  const auto by_request = [this] {
    return m_request && (m_end->signal() == SIGKILL || m_end->signal() == SIGTERM);
  };
  return m_end && m_end->by_signal() && !by_request();
}

void Guest::looked(Clock::time_point when) {
  m_looked = when;
  if (m_console) {
    m_console->looked(when);
  }
}

void Guest::note_stop(Duration span) {
  if (m_first_sign) {
    *m_first_sign += span;
  }
  if (m_console) {
    m_console->note_stop(span);
  }
}

bool Guest::over() const {
  return m_first_sign &&
         ((console_over() && exit_over()) || (over_at().expired(m_looked) && !has_unread()));
}

// There are bytes of the console that will be read: a step in which nobody took any has ended.
bool Guest::has_unread() const {
  if (console_over() || m_console->is_full()) {
    return false;
  }
  return (look_at(m_console->fd(), POLLIN) & POLLIN) != 0;
}

Deadline Guest::over_at() const {
  return m_first_sign ? Deadline::at(*m_first_sign + k_drain) : Deadline::never();
}

std::string Guest::describe_end() const {
  if (!m_end) {
    return has_console() ? "the console ended" : "the machine ended";
  }
  return m_end->by_signal() ? "QEMU was killed by " + signal_name(m_end->signal())
                            : format("QEMU exited with status {}", m_end->code());
}

Cause Guest::end_cause() const {
  if (crashed()) {
    return Cause::qemu_crash;
  }
  return !m_end || m_request ? Cause::console_eof : Cause::qemu_exit;
}

// False if there was nothing.
bool Guest::read_monitor() {
  std::array<char, 65536> buffer;
  const ssize_t count = ::recv(m_channels.qmp, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count > 0) {
    m_qmp.feed(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
  } else if (count == 0 || errno == ECONNRESET) {
    m_monitor_ended = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    throw errno_error(errno, format("reading the monitor of '{}'", name()));
  }
  return count > 0;
}

std::optional<std::size_t> Guest::type(std::string_view bytes) {
  const std::optional<std::size_t> taken = m_console->type(bytes);
  if (taken.value_or(0) > 0) {
    m_loop.expect_answer();
  }
  return taken;
}

void Guest::write_monitor() {
  std::string& output = m_qmp.output();
  const std::size_t size = sendable();
  if (size == 0) {
    return;
  }
  const ssize_t count = ::send(m_channels.qmp, output.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count > 0) {
    m_has_negotiated = m_has_negotiated || output[static_cast<std::size_t>(count) - 1] == '\n';
    output.erase(0, static_cast<std::size_t>(count));
    m_loop.expect_answer();
  } else if (errno == EPIPE || errno == ECONNRESET) {
    output.clear(); // what was sent before it broke can still be read
  } else if (errno != EAGAIN && errno != EINTR) {
    throw errno_error(errno, format("writing to the monitor of '{}'", name()));
  }
}

void Guest::take_hand_input(const HandInput& input) {
  (input.was_before ? m_is_touched_before : m_is_touched) = true;
  if (input.kind == HandInput::Kind::monitor) {
    log_keys();
    m_log.note(format("{}: by hand, the monitor: {}", name(), input.text));
    m_is_asked = true;
    return;
  }
  if (m_is_visited && m_console) {
    m_console->set_blank(true);
  }
  m_keys_by_hand += input.text;
  if (m_keys_by_hand.find_first_of("\r\n") != std::string::npos ||
      m_keys_by_hand.size() > k_longest_keys) {
    log_keys();
  }
}

void Guest::log_keys() {
  if (!m_keys_by_hand.empty()) {
    m_log.note(format("{}: by hand, typed: {}", name(),
                      format_escapes(std::exchange(m_keys_by_hand, {}))));
  }
}

void Guest::begin_visit() {
  m_is_visited = true;
  m_is_asked = false;
}

void Guest::end_visit() {
  m_is_visited = false;
  log_keys();
  if (m_console) {
    m_console->set_blank(false);
  }
  if (m_is_asked) {
    forget_events();
  }
}

void Guest::read_exit() {
  for (const ExitNews& news : m_exit.take_news()) {
    if (const auto* const event = std::get_if<MachineEvent>(&news)) {
      take_event(event->event);
    } else if (const auto* const untaken = std::get_if<UntakenBytes>(&news)) {
      m_untaken = untaken->count;
    } else if (const auto* const input = std::get_if<HandInput>(&news)) {
      take_hand_input(*input);
    } else if (std::holds_alternative<Settled>(news)) {
      m_is_settled = true;
    } else {
      m_end = std::get<ExitStatus>(news);
      m_log.note(format("{}: {}", name(), m_end->text()));
    }
  }
  m_exit_ended = m_end || m_exit.ended();
}

} // namespace qt
