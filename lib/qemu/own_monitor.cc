#include "qemu/own_monitor.hh"

#include "base/error.hh"

#include <array>
#include <utility>

namespace qt {

OwnMonitor::OwnMonitor(UniqueFd fd)
  : m_fd(std::move(fd)) {
  set_nonblocking(m_fd.get());
  m_qmp.negotiate(); // QEMU reads it after it has greeted
  send();
}

pollfd OwnMonitor::interest() const {
  return {m_fd.get(), static_cast<short>(POLLIN | (m_qmp.has_output() ? POLLOUT : 0)), 0};
}

void OwnMonitor::handle(const pollfd& polled) {
  if ((polled.revents & POLLOUT) != 0 && m_fd) {
    send();
  }
  // Not without end, should QEMU write without a pause; a socket holds less than this.
  constexpr int k_most_rounds = 16;
  std::array<std::byte, 65536> buffer;
  for (int round = 0; polled.revents != 0 && m_fd && round < k_most_rounds; ++round) {
    const IoCount got = read_some(m_fd.get(), buffer);
    if (got.result == IoResult::ended) {
      end();
    }
    if (got.result != IoResult::done) {
      return;
    }
    take(text_of(std::span(buffer).first(got.count)));
  }
}

// A message is a line: so they are delivered one by one.
void OwnMonitor::take(std::string_view bytes) {
  while (!bytes.empty() && m_fd) {
    const std::string_view line = bytes.substr(0, bytes.find('\n') + 1);
    const std::string_view part = line.empty() ? bytes : line;
    bytes.remove_prefix(part.size());
    const unsigned restarts = m_qmp.restarts();
    try {
      m_qmp.feed(part);
    } catch (const Error& error) {
      m_mistake = error.what();
      end();
      return;
    }
    deliver();
    if (m_qmp.restarts() != restarts) {
      m_quit_is_asked = false;
      if (m_restarted) {
        m_restarted();
      }
    }
  }
}

void OwnMonitor::deliver() {
  for (const Json& event : std::exchange(m_qmp.events(), {})) {
    if (m_listener) {
      m_listener(event);
    }
  }
  for (auto waiting = m_waiting.begin(); waiting != m_waiting.end();) {
    const std::optional<Json> reply = m_qmp.take_reply(waiting->first);
    const Answer answer = reply ? std::move(waiting->second) : Answer();
    waiting = reply ? m_waiting.erase(waiting) : std::next(waiting);
    if (answer) {
      answer(*reply);
    }
  }
}

void OwnMonitor::end() {
  m_fd.reset();
  m_qmp.output().clear();
  m_waiting.clear();
}

void OwnMonitor::ask(const std::string& command, const Json& arguments, Answer answer) {
  if (!m_fd) {
    return;
  }
  const std::uint64_t id = m_qmp.execute(command, arguments.empty() ? Json() : arguments);
  m_waiting[id] = std::move(answer);
  send();
}

void OwnMonitor::quit() {
  if (!std::exchange(m_quit_is_asked, true)) {
    ask("quit", Json::object(), {});
  }
}

void OwnMonitor::send() {
  std::string& output = m_qmp.output();
  const IoCount sent = write_some(m_fd.get(), bytes_of(output));
  output.erase(0, sent.count);
  if (sent.result == IoResult::ended) {
    output.clear(); // the end is found by reading, after what QEMU has said before it
  }
}

} // namespace qt
