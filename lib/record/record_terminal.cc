#include "record/record_terminal.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "boot/viewers.hh"
#include "ipc/run_dir.hh"
#include "os/event_loop.hh"
#include "os/process.hh"
#include "os/terminal.hh"
#include "os/termination.hh"
#include "os/unix_socket.hh"
#include "qemu/own_monitor.hh"

#include <array>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace qt {

namespace {

constexpr std::array<std::string_view, 5> k_record_help = {
    "",
    "Ctrl-a x  end the machine and the recording",
    "Ctrl-a c  ask the monitor, a line at a time; there: go back to the console",
    "Ctrl-a a  send one Ctrl-a (so does Ctrl-a Ctrl-a)",
    "Ctrl-a h  this text",
};
constexpr std::string_view k_monitor_prompt = "(monitor) ";
constexpr std::uint64_t k_most_output = 16 << 20;

class Recorder {
public:
  Recorder(const std::vector<std::string>& words, std::string run_dir);
  TerminalSession run();

private:
  void watch_terminal(EventLoop& loop);
  void watch_monitor(EventLoop& loop);
  void take_output();
  void take_keys();
  void take_commands();
  void send_keys();
  void toggle_monitor();
  bool has_monitor();
  void take_monitor_key(char key);
  void ask(const std::string& line);
  void answer(const Json& reply);
  void end_machine();
  void note(TerminalEvent::Kind kind, std::string text);
  static void show(std::string_view text) { write_all(STDOUT_FILENO, text, "standard output"); }

  const std::string m_run_dir;
  const Clock::time_point m_start = Clock::now();
  TerminalSession m_session;
  UniqueFd m_console;  // what the machine says
  UniqueFd m_keyboard; // what is typed there
  std::string m_unsent;
  Process m_process;
  EscapeKeys m_escape_keys;
  std::optional<OwnMonitor> m_monitor;
  bool m_in_monitor = false;
  std::string m_line; // typed for the monitor
  std::uint64_t m_received = 0;
  bool m_in_line = false; // the terminal's cursor
  bool m_left = false;
  std::vector<EventLoop::Registration> m_watched;
};

Process start_boot(const std::vector<std::string>& words, UniqueFd& console, UniqueFd& keyboard) {
  FdPair output = make_pipe();
  FdPair input = make_pipe();
  SpawnOptions options;
  options.standard_input = input.first.get();
  options.standard_output = output.second.get();
  Process process = Process::spawn(words, options);
  console = std::move(output.first);
  keyboard = std::move(input.second);
  set_nonblocking(keyboard.get());
  return process;
}

Recorder::Recorder(const std::vector<std::string>& words, std::string run_dir)
  : m_run_dir(std::move(run_dir))
  , m_process(start_boot(words, m_console, m_keyboard)) {}

TerminalSession Recorder::run() {
  TerminationSignals signals;
  const RawTerminal terminal(STDIN_FILENO);
  log_plain("recording: Ctrl-a x ends the machine and the recording, Ctrl-a h lists the keys");
  EventLoop loop;
  watch_terminal(loop);
  watch_monitor(loop);
  m_watched.push_back(loop.watch(signals.fd(), [this, &signals](const pollfd&) {
    if (const auto number = signals.take()) {
      m_session.signal = number;
      m_process.send_signal(SIGTERM);
      end_machine();
    }
  }));
  m_watched.push_back(loop.watch(m_process.exit_fd(), {}));
  std::optional<ExitStatus> status;
  while (!(status = m_process.poll())) {
    loop.turn();
  }
  while (m_console) { // what QEMU has said last
    take_output();
  }
  if (m_in_line) {
    log_plain("");
  }
  m_session.status = exit_status_of(status->wait_status);
  return std::move(m_session);
}

void Recorder::watch_terminal(EventLoop& loop) {
  m_watched.push_back(loop.watch(
      [this] {
        return pollfd{m_console.get(), POLLIN, 0};
      },
      [this](const pollfd&) { take_output(); }));
  m_watched.push_back(loop.watch(
      [this] {
        const bool must_wait = !m_unsent.empty() || m_left;
        return pollfd{must_wait ? -1 : STDIN_FILENO, POLLIN, 0};
      },
      [this](const pollfd&) { take_keys(); }));
  m_watched.push_back(loop.watch(
      [this] {
        return pollfd{m_unsent.empty() ? -1 : m_keyboard.get(), POLLOUT, 0};
      },
      [this](const pollfd&) { send_keys(); }));
}

void Recorder::watch_monitor(EventLoop& loop) {
  m_watched.push_back(loop.watch(
      [this] {
        return m_monitor && !m_monitor->ended() ? m_monitor->interest() : pollfd{-1, 0, 0};
      },
      [this](const pollfd& found) {
        m_monitor->handle(found);
        if (m_monitor->ended() && m_in_monitor) {
          log_plain("[the monitor has ended, or there is none]");
          m_in_monitor = false;
        }
      }));
}

void Recorder::note(TerminalEvent::Kind kind, std::string text) {
  const double seconds = std::chrono::duration<double>(Clock::now() - m_start).count();
  m_session.events.push_back({kind, std::move(text), seconds});
}

void Recorder::take_output() {
  std::array<std::byte, 65536> buffer;
  const IoCount got = m_console ? read_some(m_console.get(), buffer) : IoCount{IoResult::ended, 0};
  if (got.result == IoResult::ended) {
    m_console.reset();
  } else if (got.result == IoResult::done) {
    const std::string_view text = text_of(std::span(buffer).first(got.count));
    m_received += text.size();
    if (m_received > k_most_output) {
      throw Error(format("recording: the machine has said over {}, more than a test can be made of",
                         format_size(k_most_output)));
    }
    m_in_line = !text.ends_with('\n');
    note(TerminalEvent::Kind::output, std::string(text));
    show(text);
  }
}

void Recorder::take_keys() {
  std::array<std::byte, 4096> buffer;
  const IoCount got = read_some(STDIN_FILENO, buffer);
  if (got.result == IoResult::ended) { // the terminal has gone
    end_machine();
  }
  if (got.result != IoResult::done) {
    return;
  }
  // One by one: what comes after "Ctrl-a c" is for the monitor.
  for (const char byte : text_of(std::span(buffer).first(got.count))) {
    const std::string keys = m_escape_keys.feed(std::string_view(&byte, 1));
    if (m_in_monitor) {
      for (const char key : keys) {
        take_monitor_key(key);
      }
    } else if (!keys.empty() && !m_left) {
      note(TerminalEvent::Kind::typed, keys);
      m_unsent += keys;
    }
    take_commands();
  }
  send_keys();
}

void Recorder::send_keys() {
  if (m_unsent.empty() || !m_keyboard) {
    return;
  }
  const IoCount sent = write_some(m_keyboard.get(), bytes_of(m_unsent));
  m_unsent.erase(0, sent.count);
  if (sent.result == IoResult::ended) {
    m_unsent.clear();
    m_keyboard.reset();
  }
}

void Recorder::take_commands() {
  for (const char command : m_escape_keys.take_commands()) {
    if (command == 'x') {
      end_machine();
    } else if (command == 'c') {
      toggle_monitor();
    } else if (command == 'h' || command == '?') {
      for (const std::string_view line : k_record_help) {
        log_plain(line);
      }
    }
  }
}

// qt-boot ends its machine when nobody reads the console any more.
void Recorder::end_machine() {
  if (!m_left) {
    m_left = true;
    note(TerminalEvent::Kind::left, "");
    m_console.reset();
    m_unsent.clear();
  }
}

void Recorder::toggle_monitor() {
  m_line.clear();
  if (m_in_monitor) {
    m_in_monitor = false;
    log_plain("");
    log_plain("[console]");
  } else if (has_monitor()) {
    m_in_monitor = true;
    log_plain("");
    log_plain("[monitor; Ctrl-a c goes back to the console]");
    show(k_monitor_prompt);
  } else {
    log_plain("[there is no monitor, or not yet]");
  }
}

bool Recorder::has_monitor() {
  if (m_monitor && !m_monitor->ended()) {
    return true;
  }
  std::optional<UniqueFd> socket = connect_to(attach_path(m_run_dir, k_default_vm));
  if (socket) {
    write_all(socket->get(), "monitor\n", "the run's socket");
    m_monitor.emplace(std::move(*socket));
  }
  return socket.has_value();
}

// A line editor that knows Backspace: the terminal is in raw mode.
void Recorder::take_monitor_key(char key) {
  if (key == '\r' || key == '\n') {
    show("\r\n");
    const std::string line(trim(std::exchange(m_line, {})));
    line.empty() ? show(k_monitor_prompt) : ask(line);
  } else if (key == '\x7f' || key == '\b') {
    if (!m_line.empty()) {
      m_line.pop_back();
      show("\b \b");
    }
  } else if (static_cast<unsigned char>(key) >= ' ') {
    m_line += key;
    show(std::string_view(&key, 1));
  }
}

void Recorder::ask(const std::string& line) {
  const Json request = line.starts_with('{') ? Json::parse(line, nullptr, false) : Json();
  if (line.starts_with('{') && json_text(request, "execute").empty()) {
    log_plain(
        R"(expected {"execute": "COMMAND", "arguments": {…}}, or a line for the human monitor)");
    show(k_monitor_prompt);
    return;
  }
  note(TerminalEvent::Kind::monitor, line); // it is asked now, whenever it answers
  const auto answered = [this, event = m_session.events.size() - 1](const Json& reply) {
    m_session.events[event].reply = reply;
    answer(reply);
  };
  if (!line.starts_with('{')) {
    m_monitor->ask("human-monitor-command", {{"command-line", line}}, answered);
    return;
  }
  const Json arguments = json_member(request, "arguments");
  m_monitor->ask(json_text(request, "execute"), arguments.is_object() ? arguments : Json::object(),
                 answered);
}

void Recorder::answer(const Json& reply) {
  const Json& said = json_member(reply, "return");
  std::string text = said.is_string() ? said.get<std::string>() : dump_json_indented(reply) + "\n";
  show(text);
  if (m_in_monitor) {
    show(k_monitor_prompt);
  }
}

} // namespace

TerminalSession record_terminal(const std::vector<std::string>& words, const std::string& run_dir) {
  return Recorder(words, run_dir).run();
}

} // namespace qt
