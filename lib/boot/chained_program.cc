#include "boot/chained_program.hh"

#include "base/format.hh"

#include <csignal>

namespace qt {

std::optional<ExitStatus> ChainedProgram::poll() {
  if (!m_running) {
    return std::nullopt;
  }
  const std::optional<ExitStatus> status = m_process.poll();
  if (status) {
    m_running = false;
    m_deadline = Deadline::never();
  }
  return status;
}

void ChainedProgram::end(Duration grace) {
  m_process.send_signal(SIGTERM);
  m_deadline = Deadline::after(grace);
}

void ChainedProgram::handle_deadline(BaseLog& log) {
  if (m_deadline.expired()) {
    m_deadline = Deadline::never();
    log.write(format("sending SIGKILL to {}", m_name));
    m_process.send_signal(SIGKILL);
  }
}

} // namespace qt
