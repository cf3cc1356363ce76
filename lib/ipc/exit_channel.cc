#include "ipc/exit_channel.hh"

#include <array>

namespace qt {

namespace {

constexpr std::size_t k_most_dispensable = 1024 * 1024;

} // namespace

std::vector<std::string> ExitChannel::take_requests() {
  send();
  std::vector<std::string> requests;
  while (m_fd) {
    std::array<std::byte, 256> buffer;
    const IoCount got = read_some(m_fd.get(), buffer);
    if (got.result == IoResult::ended) {
      m_fd.reset();
    }
    if (got.result != IoResult::done) {
      break;
    }
    m_beginning += text_of(std::span(buffer).first(got.count));
    for (std::size_t end; (end = m_beginning.find('\n')) != std::string::npos;) {
      requests.push_back(m_beginning.substr(0, end));
      m_beginning.erase(0, end + 1);
    }
  }
  return requests;
}

void ExitChannel::tell(std::string_view line, Kind kind) {
  if (kind == Kind::needed || m_untold.size() < k_most_dispensable) {
    m_untold += line;
    m_untold += '\n';
    send();
  }
}

void ExitChannel::send() {
  if (!m_fd) {
    m_untold.clear();
  }
  if (!m_untold.empty()) {
    m_untold.erase(0, write_some(m_fd.get(), bytes_of(m_untold)).count);
  }
}

} // namespace qt
