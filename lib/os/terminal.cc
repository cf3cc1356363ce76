#include "os/terminal.hh"

#include "base/error.hh"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace qt {

namespace {

// Without SIGTTOU, which would stop a program in the background.
int set_mode(int fd, const termios& mode) noexcept {
  sigset_t stop;
  sigset_t before;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &stop, &before);
  const int result = ::tcsetattr(fd, TCSANOW, &mode);
  const int number = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  errno = number;
  return result;
}

} // namespace

termios terminal_mode(int fd) {
  termios mode;
  if (::tcgetattr(fd, &mode) < 0) {
    throw errno_error(errno, "reading the terminal's mode");
  }
  return mode;
}

KeptMode::~KeptMode() { set_mode(m_fd, m_mode); }

RawTerminal::RawTerminal(int fd)
  : m_before(fd, terminal_mode(fd)) {
  termios raw = m_before.mode();
  ::cfmakeraw(&raw);
  raw.c_oflag |= OPOST; // messages of other programs end their lines with a bare newline
  if (set_mode(fd, raw) < 0) {
    throw errno_error(errno, "setting the terminal to raw mode");
  }
}

EscapableLines::EscapableLines(int fd)
  : m_before(fd, terminal_mode(fd)) {
  termios lines = m_before.mode();
  lines.c_cc[VEOL] = k_escape_key; // ends a line, as newline does
  if (set_mode(fd, lines) < 0) {
    throw errno_error(errno, "setting the terminal's mode");
  }
}

std::string EscapeKeys::feed(std::string_view keys) {
  std::string rest;
  for (const char key : keys) {
    if (!m_after_prefix) {
      key == k_escape_key ? void(m_after_prefix = true) : rest.push_back(key);
      continue;
    }
    m_after_prefix = false;
    if (key == k_escape_key || key == 'a') {
      rest.push_back(k_escape_key);
    } else {
      m_commands.push_back(key);
    }
  }
  return rest;
}

std::string EscapeKeys::take_commands() { return std::exchange(m_commands, {}); }

UniqueFd reopen_for_writing(int fd) {
  struct stat status;
  if (::fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || ::isatty(fd) == 1)) {
    const std::string path = format("/proc/self/fd/{}", fd);
    const int own = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own >= 0) {
      return UniqueFd(own);
    }
  }
  return duplicate_fd(fd);
}

} // namespace qt
