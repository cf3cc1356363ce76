#include "ipc/exit_channel.hh"

#include <array>

namespace qt {

std::vector<std::string> ExitChannel::take_requests() {
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

void ExitChannel::tell(std::string_view line) {
  if (m_fd) {
    (void)write_some(m_fd.get(), bytes_of(std::string(line) + "\n"));
  }
}

} // namespace qt
