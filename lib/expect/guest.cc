#include "expect/guest.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace qt {

Guest::Guest(const VmChannels& channels, const Watch& watch, DialogueLog& log)
  : m_channels(channels)
  , m_log(log) {
  if (channels.console >= 0) {
    m_console = std::make_unique<Console>(channels.name, channels.console, watch, log);
  }
  if (has_exit()) {
    tell("events\n");
  }
}

void Guest::request_end(Request request) {
  m_request = request;
  const std::string_view word = request == Request::kill   ? "kill\n"
                                : request == Request::quit ? "quit\n"
                                                           : "done\n";
  m_log.note(format("{}: told '{}'", name(), word.substr(0, 4)));
  tell(word);
}

void Guest::tell(std::string_view word) {
  if (::send(m_channels.exit, word.data(), word.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
      errno != ECONNRESET) {
    throw errno_error(errno, format("talking to qt-boot about '{}'", name()));
  }
}

void Guest::ask_untaken() {
  m_untaken.reset();
  tell("untaken\n");
}

void Guest::want_event(const std::string& name, const Json& data) {
  m_wanted_events.insert(name);
  const bool is_panic = name.starts_with("GUEST_") || json_text(data, "reason") == "guest-panic";
  if (is_panic) { // one panic brings several of these
    m_wanted_events.insert({"GUEST_PANICKED", "GUEST_CRASHLOADED", "SHUTDOWN"});
    if (has_exit()) {
      tell("panics\n");
    }
  }
}

void Guest::take_event(const std::string& text) {
  const Json event = parse_json(text, "an event from qt-boot");
  m_log.note(format("{}: event {}", name(), text));
  if (m_wanted_events.contains(json_text(event, "event"))) {
    if (json_at(event, "/data/early") != nullptr) { // our own monitor was not up for it, either
      m_qmp.events().push_back(event);
    }
    return;
  }
  m_events.push_back(event);
  // A machine that is told to end may meet errors on its way; a panic is one all the same.
  const std::optional<GuestFinding> failure = failure_at_once(event);
  const bool told = m_request == Request::quit || m_request == Request::kill;
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
  constexpr std::string_view k_exited = "exited ";
  const auto status = m_end.starts_with(k_exited) ? parse_integer(m_end.substr(k_exited.size()))
                                                  : std::optional<std::int64_t>();
  return qt::explanation(m_events, m_events_before, static_cast<int>(status.value_or(0)));
}

bool Guest::crashed() const {
  if (!m_end.starts_with("killed ")) {
    return false;
  }
  // What qt-boot does to a QEMU that does not heed "quit" is no crash.
  const bool by_request = m_end == "killed SIGKILL" || m_end == "killed SIGTERM";
  return m_request == Request::none || !by_request;
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
  pollfd entry = {m_console->fd(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLIN) != 0;
}

Deadline Guest::over_at() const {
  return m_first_sign ? Deadline::at(*m_first_sign + k_drain) : Deadline::never();
}

std::string Guest::describe_end() const {
  if (m_end.starts_with("exited ")) {
    return "QEMU exited with status " + m_end.substr(7);
  }
  if (m_end.starts_with("killed ")) {
    return "QEMU was killed by " + m_end.substr(7);
  }
  return has_console() ? "the console ended" : "the machine ended";
}

Cause Guest::end_cause() const {
  if (crashed()) {
    return Cause::qemu_crash;
  }
  return m_end.empty() || m_request != Request::none ? Cause::console_eof : Cause::qemu_exit;
}

void Guest::add_polls(std::vector<pollfd>& polls) const {
  if (m_console && !m_console->ended() && !m_console->is_full()) {
    polls.push_back({m_console->fd(), POLLIN, 0});
  }
  // Before the negotiation nothing is read: QEMU sends no events and its greeting can wait.
  if (has_monitor() && !m_monitor_ended && m_monitor == Monitor::ours && m_qmp.negotiated()) {
    const int events = m_qmp.has_output() ? POLLIN | POLLOUT : POLLIN;
    polls.push_back({m_channels.qmp, static_cast<short>(events), 0});
  }
  if (has_exit() && !m_exit_ended) {
    polls.push_back({m_channels.exit, POLLIN, 0});
  }
}

void Guest::handle(const pollfd& entry) {
  if (entry.revents == 0) {
    return;
  }
  if (m_console && entry.fd == m_console->fd()) {
    m_console->read();
  } else if (entry.fd == m_channels.qmp) {
    if ((entry.revents & POLLOUT) != 0) {
      write_monitor();
    }
    if ((entry.revents & ~POLLOUT) != 0) {
      read_monitor();
    }
  } else if (entry.fd == m_channels.exit) {
    read_exit();
  }
  if (!m_first_sign && ((m_console && m_console->ended()) || m_exit_ended)) {
    m_first_sign = Clock::now();
  }
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

void Guest::write_monitor() {
  std::string& output = m_qmp.output();
  const ssize_t count =
      ::send(m_channels.qmp, output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count > 0) {
    output.erase(0, static_cast<std::size_t>(count));
  } else if (errno == EPIPE || errno == ECONNRESET) {
    output.clear(); // what was sent before it broke can still be read
  } else if (errno != EAGAIN && errno != EINTR) {
    throw errno_error(errno, format("writing to the monitor of '{}'", name()));
  }
}

void Guest::read_exit() {
  std::array<char, 4096> buffer;
  const ssize_t count = ::recv(m_channels.exit, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (count < 0 && errno != ECONNRESET) {
    throw errno_error(errno, format("reading how '{}' ended", name()));
  }
  m_exit_text.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  for (std::size_t end; (end = m_exit_text.find('\n')) != std::string::npos;) {
    take_exit_line(m_exit_text.substr(0, end));
    m_exit_text.erase(0, end + 1);
  }
  m_exit_ended = !m_end.empty() || count <= 0;
}

void Guest::take_exit_line(const std::string& line) {
  constexpr std::string_view k_event = "event ";
  constexpr std::string_view k_untaken = "untaken ";
  if (line.starts_with(k_event)) {
    take_event(line.substr(k_event.size()));
  } else if (line.starts_with(k_untaken)) {
    m_untaken = parse_integer(line.substr(k_untaken.size()));
  } else {
    m_end = line;
    m_log.note(format("{}: {}", name(), m_end));
  }
}

} // namespace qt
