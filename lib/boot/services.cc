#include "boot/services.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "os/event_loop.hh"
#include "os/file.hh"

#include <algorithm>
#include <csignal>
#include <optional>

namespace qt {

namespace {

constexpr Duration k_before_qemu{500};

// Waits for its end, without which nobody would take what it says.
std::optional<ExitStatus> last_words_of(Service& service, Deadline deadline) {
  EventLoop loop;
  const auto output = loop.watch(*service.output);
  const auto ended = loop.watch(service.process.exit_fd(), {});
  while (!service.process.poll() && !deadline.expired()) {
    loop.turn(deadline);
  }
  return service.process.poll();
}

constexpr std::size_t k_ready_tail = 1 << 20;

// Columns of proc(5) /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path; the flag
// 0x10000 is a socket that listens.
bool unix_listens(const std::string& path) {
  for (const std::string& line : split(read_file("/proc/net/unix"), '\n')) {
    if (line.ends_with(" " + path) && line.find(" 00010000 ") != std::string::npos) {
      return true;
    }
  }
  return false;
}

// Columns of proc_net_tcp: sl local_address rem_address st …; ADDRESS:PORT and the state in
// hexadecimal digits, 0A is one that listens.
bool tcp_listens(std::int64_t port) {
  const std::string end = format(":{:04X}", port);
  for (const char* const table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    for (const std::string& line : split(read_file_if_exists(table).value_or(""), '\n')) {
      std::vector<std::string> words = split(line, ' ');
      std::erase(words, "");
      if (words.size() > 3 && words[1].ends_with(end) && words[3] == "0A") {
        return true;
      }
    }
  }
  return false;
}

std::string last_words(const std::vector<std::string>& logs) {
  std::vector<std::string> words;
  for (const std::string& log : logs) {
    for (const std::string& line : last_lines(read_tail(log, k_ready_tail), 1)) {
      words.push_back(line);
    }
  }
  return words.empty() ? "" : "; they said: " + join(words, " | ");
}

} // namespace

void Services::register_with(EventLoop& loop, std::function<bool()> needed) {
  m_needed = std::move(needed);
  for (Service& service : m_services) {
    m_watched.push_back(loop.watch(*service.output));
    m_watched.push_back(loop.watch(
        [this, fd = service.process.exit_fd()] {
          return pollfd{m_failure.empty() && m_needed() ? fd : -1, POLLIN, 0};
        },
        [this](const pollfd&) { check(); }));
  }
}

// QEMU may have been asked to end in the same turn.
void Services::check() {
  if (!m_needed()) {
    return;
  }
  for (Service& service : m_services) {
    const std::optional<ExitStatus> status = service.process.poll();
    if (status && m_failure.empty()) {
      m_failure = format("{} {} while QEMU was running", service.name, status->text());
      m_log.write(m_failure);
      m_deadline = Deadline::after(k_before_qemu);
    }
  }
}

void Services::qemu_ended_by_itself() {
  if (!m_deadline.is_never()) {
    m_deadline = Deadline::never();
    m_failure.clear();
  }
}

bool Services::take_failed() {
  const bool failed = m_deadline.expired();
  if (failed) {
    m_deadline = Deadline::never();
  }
  return failed;
}

void Services::end(Deadline deadline) {
  m_watched.clear();
  for (Service& service : m_services) {
    service.process.send_signal(SIGTERM);
  }
  for (Service& service : m_services) {
    const std::optional<ExitStatus> status = last_words_of(service, deadline);
    m_log.write(
        format("{} {}", service.name, status ? status->text() : "does not end; killing it"));
    service.process.send_signal(SIGKILL);
    last_words_of(service, Deadline::never());
    service.output->finish();
  }
  m_services.clear();
}

bool is_ready(const std::string& condition, const std::vector<std::string>& logs) {
  const std::string rest = condition.substr(condition.find(':') + 1);
  if (condition.starts_with("unix:") && !rest.empty()) {
    return unix_listens(rest);
  }
  const std::optional<std::int64_t> port = parse_integer(rest);
  if (condition.starts_with("tcp:") && port && *port > 0 && *port < 65536) {
    return tcp_listens(*port);
  }
  if (condition.starts_with("log:") && !rest.empty()) {
    return std::any_of(logs.begin(), logs.end(), [&rest](const std::string& log) {
      return read_tail(log, k_ready_tail).find(rest) != std::string::npos;
    });
  }
  throw Error(format("ready: '{}': expected unix:PATH, tcp:PORT or log:TEXT", condition),
              ExitCode::usage);
}

void await_ready(const std::vector<std::string>& conditions, const std::vector<std::string>& logs,
                 const std::function<std::string()>& dead, Deadline deadline, int interrupt) {
  constexpr Duration k_pause{5}; // nobody tells when a socket begins to listen
  for (const std::string& condition : conditions) {
    while (!is_ready(condition, logs)) {
      const std::string death = dead();
      if (!death.empty() || deadline.expired()) {
        throw Error(death.empty() ? format("daemons: {} in vain{}", condition, last_words(logs))
                                  : format("{} before {}{}", death, condition, last_words(logs)),
                    ExitCode::failed);
      }
      if (wait_for(interrupt, POLLIN, Deadline::after(k_pause)) != 0) {
        return;
      }
    }
  }
}

} // namespace qt
