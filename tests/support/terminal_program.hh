// A program on a terminal of its own, with the test as the person in front of it.
#pragma once

#include "base/duration.hh"
#include "os/fd.hh"

#include <array>
#include <csignal>
#include <gtest/gtest.h>
#include <optional>
#include <poll.h>
#include <pty.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace qt::support {

class TerminalProgram {
public:
  // It leads a session of its own, as a login does: the end of the terminal is its SIGHUP.
  explicit TerminalProgram(const std::vector<std::string>& words) {
    std::vector<char*> argv;
    for (const std::string& word : words) {
      argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    int terminal = -1;
    const winsize size = {24, 200, 0, 0};
    m_pid = ::forkpty(&terminal, nullptr, nullptr, &size);
    if (m_pid == 0) {
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    m_terminal.reset(terminal);
  }
  ~TerminalProgram() {
    if (m_pid > 0) {
      ::kill(m_pid, SIGKILL);
      ::waitpid(m_pid, nullptr, 0);
    }
  }
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  // Reads until `text` stands in what has come since the last call. False if it does not come.
  bool await(std::string_view text) {
    const Deadline deadline = Deadline::after(std::chrono::seconds(60));
    for (;;) {
      const std::size_t at = m_all.find(text, m_seen);
      if (at != std::string::npos) {
        m_seen = at + text.size();
        return true;
      }
      if (deadline.expired() || !read(deadline)) {
        ADD_FAILURE() << "'" << text << "' does not come on the terminal:\n" << m_all;
        return false;
      }
    }
  }
  void type(std::string_view keys) { write_all(m_terminal.get(), keys, "terminal"); }
  // The person closes the window.
  void hang_up() { m_terminal.reset(); }
  // Reads to the end. The exit status as a shell says it; nothing if it does not end.
  std::optional<int> wait() {
    const Deadline deadline = Deadline::after(std::chrono::seconds(60));
    while (!deadline.expired()) {
      int status = 0;
      if (::waitpid(m_pid, &status, WNOHANG) == m_pid) {
        while (m_terminal && read(Deadline::after(std::chrono::milliseconds(0)))) {
        }
        m_pid = -1;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      }
      if (!m_terminal || !read(Deadline::after(std::chrono::milliseconds(20)))) {
        ::usleep(20'000);
      }
    }
    return std::nullopt;
  }
  // All that it has said, lines as a terminal has them.
  const std::string& said() const { return m_all; }

private:
  // False if nothing came before the deadline, or nothing will.
  bool read(Deadline deadline) {
    pollfd ready = {m_terminal.get(), POLLIN, 0};
    if (::poll(&ready, 1, deadline.poll_timeout()) <= 0) {
      return false;
    }
    std::array<char, 4096> buffer;
    const ssize_t count = ::read(m_terminal.get(), buffer.data(), buffer.size());
    m_all.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    return count > 0;
  }

  pid_t m_pid = -1;
  UniqueFd m_terminal;
  std::string m_all;
  std::size_t m_seen = 0;
};

} // namespace qt::support
