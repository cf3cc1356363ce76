#include "own_monitor.hh"

#include "error.hh"

#include <array>

namespace qt {

OwnMonitor::OwnMonitor(UniqueFd fd)
  : m_fd(std::move(fd)) {
  set_nonblocking(m_fd.get());
  ask("qmp_capabilities", Json::object(), {}); // QEMU reads it after it has greeted
}

pollfd OwnMonitor::interest() const {
  return {m_fd.get(), static_cast<short>(POLLIN | (m_out.empty() ? 0 : POLLOUT)), 0};
}

void OwnMonitor::handle(const pollfd& polled) {
  if ((polled.revents & POLLOUT) != 0) {
    send();
  }
  if (polled.revents == 0 || !m_fd) {
    return;
  }
  std::array<std::byte, 16384> buffer;
  for (;;) {
    const IoCount got = read_some(m_fd.get(), buffer);
    if (got.result == IoResult::ended) {
      m_fd.reset();
      m_out.clear();
      m_waiting.clear();
    }
    if (got.result != IoResult::done) {
      return;
    }
    m_in += text_of(std::span(buffer).first(got.count));
    std::size_t start = 0;
    for (std::size_t end; (end = m_in.find('\n', start)) != std::string::npos; start = end + 1) {
      take_line(std::string_view(m_in).substr(start, end - start));
    }
    m_in.erase(0, start);
  }
}

void OwnMonitor::take_line(std::string_view line) {
  const Json message = Json::parse(line, nullptr, false);
  if (!message.is_object()) {
    return; // a broken line of QEMU's is for the dialogue's own client to report
  }
  if (message.contains("event")) {
    if (m_listener) {
      m_listener(message);
    }
    return;
  }
  const auto id = message.find("id");
  if (id == message.end() || !id->is_number_integer()) {
    return;
  }
  m_answered = true;
  const auto waiting = m_waiting.extract(id->get<int>());
  if (waiting && waiting.mapped()) {
    waiting.mapped()(message);
  }
}

void OwnMonitor::ask(std::string_view command, const Json& arguments, Answer answer) {
  if (!m_fd) {
    return;
  }
  Json request = {{"execute", command}, {"id", ++m_last_id}};
  if (!arguments.empty()) {
    request["arguments"] = arguments;
  }
  m_waiting[m_last_id] = std::move(answer);
  m_out += dump_json(request) + "\n";
  send();
}

void OwnMonitor::send() {
  const IoCount sent = write_some(m_fd.get(), bytes_of(m_out));
  m_out.erase(0, sent.count);
  if (sent.result == IoResult::ended) {
    m_out.clear(); // the end is found by reading, after what QEMU has said before it
  }
}

} // namespace qt
