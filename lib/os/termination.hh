// The signals that ask a program to end (SIGTERM, SIGINT, SIGHUP), as a descriptor for a loop.
#pragma once

#include "os/fd.hh"

#include <optional>
#include <signal.h>

namespace qt {

// Blocks the signals for as long as the object lives; children started by Process do not inherit
// that. A signal that the caller's parent had ignored (nohup, a shell's background jobs) stays so.
class TerminationSignals {
public:
  TerminationSignals();
  ~TerminationSignals();
  TerminationSignals(const TerminationSignals&) = delete;
  TerminationSignals& operator=(const TerminationSignals&) = delete;

  int fd() const noexcept { return m_fd.get(); }
  // The next signal that has come; never blocks.
  std::optional<int> take();

private:
  sigset_t m_before;
  UniqueFd m_fd;
};

} // namespace qt
