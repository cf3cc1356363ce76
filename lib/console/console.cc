#include "console/console.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::size_t k_read = 64 * 1024;
constexpr std::size_t k_least = 3 * k_read; // a wait keeps up to 64 KiB of what it has looked at
constexpr std::size_t k_recent = 16 * 1024;
constexpr std::size_t k_large = 4 * 1024; // is searched where it lies

std::string without_sequences(std::string_view bytes) {
  std::string visible;
  AnsiFilter().feed(bytes, [&visible](std::string_view passed) { visible += passed; });
  return visible;
}

} // namespace

Console::Console(std::string vm, int fd, const Watch& watch, DialogueLog& log)
  : m_vm(std::move(vm))
  , m_fd(fd)
  , m_log(log)
  , m_echo([this](std::uint64_t line, std::uint64_t passed) {
    pass_gathered();
    m_echo_return.taken_out(line, passed);
  })
  , m_failures(watch.failures, 0, watch.printk)
  , m_most(std::max<std::uint64_t>(watch.most_unconsumed, k_least))
  , m_buffer(std::make_unique_for_overwrite<char[]>(k_read)) {
  if (watch.escapes == Watch::Escapes::strip) {
    m_escapes.emplace();
  }
}

void Console::read() {
  ssize_t count = ::recv(m_fd, m_buffer.get(), k_read, MSG_DONTWAIT);
  if (count < 0 && errno == ENOTSOCK) { // a pipe; there is something, so this does not block
    count = ::read(m_fd, m_buffer.get(), k_read);
  }
  if (count > 0) {
    take({m_buffer.get(), static_cast<std::size_t>(count)});
  } else if (count == 0 || errno == ECONNRESET || errno == EIO) {
    finish();
  } else if (errno != EAGAIN && errno != EINTR) {
    throw errno_error(errno, format("reading the console of '{}'", m_vm));
  }
}

void Console::take(std::string_view bytes) {
  m_last_byte = Clock::now();
  m_log.console(m_vm, bytes);
  if (bytes.size() >= k_recent) {
    m_recent.clear();
  } else if (m_recent.size() + bytes.size() > 2 * k_recent) {
    m_recent.erase(0, m_recent.size() - k_recent);
  }
  m_recent += bytes.substr(bytes.size() - std::min(bytes.size(), k_recent));
  if (m_escapes) {
    m_visible.clear();
    m_escapes->feed(bytes, [this](std::string_view visible) { m_visible += visible; });
    bytes = m_visible;
  }
  m_echo.feed(bytes, [this](std::string_view passed) { gather(passed); });
  pass_gathered();
}

// While an echo is due the filter gives small pieces, down to a byte, and each search costs
// something to begin.
void Console::gather(std::string_view bytes) {
  if (m_gathered.empty() && bytes.size() >= k_large) {
    pass(bytes);
  } else {
    m_gathered += bytes;
  }
}

void Console::pass_gathered() {
  if (!m_gathered.empty()) {
    pass(m_gathered);
    m_gathered.clear();
  }
}

void Console::pass(std::string_view bytes) {
  if (!m_failure) {
    m_failure = m_failures.feed(bytes);
    m_settled = false;
  }
  const std::string blank(m_is_blank ? bytes.size() : 0, '\0');
  bytes = m_is_blank ? blank : bytes;
  m_echo_return.feed(bytes, m_backlog.end());
  m_backlog.append(bytes);
  if (!m_is_kept) {
    m_backlog.discard_before(m_backlog.end());
  }
}

void Console::expect_echo(std::string_view line) {
  m_echo_return.forget_before(m_backlog.begin());
  m_echo_return.expect(m_echo.expect(line), line, m_backlog.end());
}

void Console::expect_echo_of_keys(std::string_view keys) {
  m_echo_return.forget_before(m_backlog.begin());
  m_echo_return.expect_keys(keys, m_backlog.end());
}

void Console::finish() {
  m_ended = true;
  m_echo.finish([this](std::string_view passed) { pass(passed); });
  settle();
}

void Console::settle() {
  if (!m_failure) {
    m_failure = m_failures.settle();
    m_settled = true;
  }
}

bool Console::quiet(Duration span) const { return m_ended || quiet_at(span).expired(m_looked); }

std::optional<std::size_t> Console::type(std::string_view bytes) {
  const ssize_t count = ::send(m_fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) {
    m_typed += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }
  if (errno == EAGAIN || errno == EINTR) {
    return 0;
  }
  if (errno == EPIPE || errno == ECONNRESET || errno == ENOTSOCK) {
    return std::nullopt;
  }
  throw errno_error(errno, format("typing on the console of '{}'", m_vm));
}

std::vector<std::string> Console::last_lines(std::size_t count) const {
  const std::size_t excess = m_recent.size() - std::min(m_recent.size(), k_recent);
  std::string recent = m_recent.substr(excess);
  recent = m_escapes ? without_sequences(recent) : recent;
  std::vector<std::string> lines = qt::last_lines(recent, count, recent.size());
  for (std::string& line : lines) {
    if (line.size() > k_longest_last_line) {
      line = last_part(without_sequences(line), k_longest_last_line);
    }
  }
  return lines;
}

} // namespace qt
