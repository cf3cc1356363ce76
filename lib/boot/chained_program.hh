// The program that qt-boot runs against its machine: how it is asked to end, and how it did.
#pragma once

#include "ipc/base_log.hh"
#include "os/process.hh"

#include <optional>
#include <string>

namespace qt {

class ChainedProgram {
public:
  // `name`: for messages.
  ChainedProgram(Process process, std::string name)
    : m_process(std::move(process))
    , m_name(std::move(name)) {}

  const std::string& name() const { return m_name; }
  // -1 once it has ended.
  int exit_fd() const { return m_running ? m_process.exit_fd() : -1; }
  bool running() const { return m_running; }

  // Its status if it has just been found to have ended.
  std::optional<ExitStatus> poll();
  // SIGTERM; SIGKILL after `grace`, which it has for its verdict.
  void end(Duration grace);
  Deadline deadline() const { return m_deadline; }
  void handle_deadline(BaseLog& log);

private:
  Process m_process;
  std::string m_name;
  bool m_running = true;
  Deadline m_deadline = Deadline::never();
};

} // namespace qt
