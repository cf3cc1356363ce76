#include "os/termination.hh"

#include "base/error.hh"

#include <cerrno>
#include <sys/signalfd.h>
#include <unistd.h>

namespace qt {

TerminationSignals::TerminationSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    struct sigaction action;
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
      ::sigaddset(&signals, number);
    }
  }
  m_fd.reset(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!m_fd) {
    throw errno_error(errno, "watching for signals");
  }
  ::sigprocmask(SIG_BLOCK, &signals, &m_before);
}

TerminationSignals::~TerminationSignals() { ::sigprocmask(SIG_SETMASK, &m_before, nullptr); }

std::optional<int> TerminationSignals::take() {
  signalfd_siginfo info;
  if (::read(m_fd.get(), &info, sizeof info) != sizeof info) {
    return std::nullopt;
  }
  return static_cast<int>(info.ssi_signo);
}

} // namespace qt
