#include "os/logged_output.hh"

#include <array>

namespace qt {

LoggedOutput::LoggedOutput(UniqueFd pipe, const std::string& path, std::uint64_t limit,
                           Reader reader)
  : m_pipe(std::move(pipe))
  , m_log(path, limit)
  , m_reader(std::move(reader)) {
  set_nonblocking(m_pipe.get());
}

// True if there may be more.
bool LoggedOutput::take() {
  std::array<std::byte, 65536> buffer;
  const IoCount got = read_some(m_pipe.get(), buffer);
  const std::string_view text = text_of(std::span(buffer).first(got.count));
  m_log.write(text);
  if (m_reader && !text.empty()) {
    m_reader(text);
  }
  if (got.result == IoResult::ended) {
    m_pipe.reset();
  }
  return got.result == IoResult::done;
}

void LoggedOutput::handle(const pollfd& polled) {
  if (polled.revents != 0 && m_pipe) {
    take();
  }
}

void LoggedOutput::finish() {
  while (m_pipe && take()) {
  }
  m_log.finish();
}

} // namespace qt
