#include "boot/attach.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "boot/viewers.hh"
#include "data/json.hh"
#include "os/event_loop.hh"
#include "os/terminal.hh"
#include "os/unix_socket.hh"

#include <algorithm>
#include <array>
#include <dirent.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::array<std::string_view, 6> k_help = {
    "",
    "Ctrl-a x  leave the machine to itself",
    "Ctrl-a t  start or stop typing on the console",
    "Ctrl-a c  ask the monitor, a line at a time; there: go back to the console",
    "Ctrl-a q  end a machine that is kept",
    "Ctrl-a h  this text",
};

UniqueFd connect_as(const std::string& run_dir, const std::string& vm, std::string_view role) {
  std::optional<UniqueFd> socket = connect_to(attach_path(run_dir, vm));
  if (!socket) {
    throw Error(format("attaching to {}: the machine '{}' does not run there", run_dir, vm),
                ExitCode::absent);
  }
  write_all(socket->get(), std::string(role) + "\n", "the run's socket");
  return std::move(*socket);
}

std::optional<char> read_byte(int fd) {
  std::array<std::byte, 1> byte;
  return read_some(fd, byte).result == IoResult::done ? std::optional(text_of(byte)[0])
                                                      : std::nullopt;
}

// A line, up to newline or, with it, the escape key; nothing at the end.
std::optional<std::string> read_line(int fd) {
  std::string line;
  while (const std::optional<char> byte = read_byte(fd)) {
    if (*byte == '\n') {
      return line;
    }
    line += *byte;
    if (*byte == k_escape_key) {
      return line;
    }
  }
  return std::nullopt;
}

// False if the monitor has ended first: QEMU has, or it has none.
bool line_comes(int terminal, int monitor) {
  bool comes = false;
  bool ended = false;
  EventLoop loop;
  const auto lines = loop.watch(terminal, [&comes](const pollfd&) { comes = true; });
  const auto end = loop.watch(
      [monitor] {
        return pollfd{monitor, POLLRDHUP, 0};
      },
      [&ended](const pollfd&) { ended = true; });
  while (!comes && !ended) {
    loop.turn();
  }
  return !ended;
}

class View {
public:
  View(std::string run_dir, std::string vm, bool typing)
    : m_run_dir(std::move(run_dir))
    , m_vm(std::move(vm))
    , m_typing(typing)
    , m_console(connect_as(m_run_dir, m_vm, "keys")) {}

  void run();

private:
  void handle_command(char command);
  void show_console();
  void take_keys();
  void talk_to_monitor();
  bool leaves_monitor();
  static void ask(int monitor, const std::string& line);

  std::string m_run_dir;
  std::string m_vm;
  bool m_typing;
  UniqueFd m_console;
  EscapeKeys m_escape_keys;
  std::optional<RawTerminal> m_terminal;
  bool m_left = false;
  bool m_in_monitor = false;
};

void View::run() {
  const bool interactive = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (interactive) {
    m_terminal.emplace(STDIN_FILENO);
    log_plain(format("the console of '{}', {}; Ctrl-a h lists the keys", m_vm,
                     m_typing ? "what you type goes there" : "read only"));
  }
  EventLoop loop;
  const auto console = loop.watch(m_console.get(), [this](const pollfd&) { show_console(); });
  const auto keys = loop.watch(interactive ? STDIN_FILENO : -1, [this](const pollfd&) {
    if (!m_left) {
      take_keys();
    }
  });
  while (!m_left) {
    loop.turn();
  }
}

void View::show_console() {
  std::array<std::byte, 65536> buffer;
  const IoCount got = read_some(m_console.get(), buffer);
  write_all(STDOUT_FILENO, text_of(std::span(buffer).first(got.count)), "standard output");
  m_left = got.result == IoResult::ended;
}

void View::take_keys() {
  std::array<std::byte, 4096> buffer;
  const IoCount got = read_some(STDIN_FILENO, buffer);
  const std::string keys = m_escape_keys.feed(text_of(std::span(buffer).first(got.count)));
  if (m_typing && !keys.empty()) {
    write_all(m_console.get(), keys, "the console");
  }
  m_left = got.result == IoResult::ended;
  for (const char command : m_escape_keys.take_commands()) {
    handle_command(command);
  }
}

void View::handle_command(char command) {
  switch (command) {
  case 'x':
    m_left = true;
    break;
  case 'q':
    connect_as(m_run_dir, m_vm, "release");
    m_left = true;
    break;
  case 't':
    m_typing = !m_typing;
    log_plain(m_typing ? "[typing]" : "[read only]");
    break;
  case 'c':
    if (!m_in_monitor) {
      talk_to_monitor();
    }
    break;
  case 'h':
  case '?':
    for (const std::string_view line : k_help) {
      log_plain(line);
    }
    break;
  default:
    break;
  }
}

// The terminal edits the lines meanwhile; what the console says waits.
void View::talk_to_monitor() {
  const UniqueFd monitor = connect_as(m_run_dir, m_vm, "monitor");
  m_terminal.reset();
  m_in_monitor = true;
  {
    const EscapableLines lines(STDIN_FILENO); // before anybody is told to type
    log_plain("[monitor; Ctrl-a c goes back to the console]");
    for (std::optional<std::string> line;
         line_comes(STDIN_FILENO, monitor.get()) && (line = read_line(STDIN_FILENO));) {
      if (line->ends_with(k_escape_key)) {
        if (leaves_monitor()) {
          break;
        }
      } else if (!trim(*line).empty()) {
        ask(monitor.get(), *line);
      }
    }
  }
  m_in_monitor = false;
  if (!m_left) {
    log_plain("[console]");
  }
  m_terminal.emplace(STDIN_FILENO);
}

// Does what the key after the escape key means.
bool View::leaves_monitor() {
  const RawTerminal at_once(STDIN_FILENO);
  const std::optional<char> command = read_byte(STDIN_FILENO);
  if (!command || *command == 'c') {
    return true;
  }
  handle_command(*command);
  return m_left;
}

// A request in JSON, or a line for the human monitor.
void View::ask(int monitor, const std::string& line) {
  const Json request = {{"execute", "human-monitor-command"},
                        {"arguments", {{"command-line", line}}},
                        {"id", "view"}};
  write_all(monitor, (line.starts_with('{') ? line : dump_json(request)) + "\n", "the monitor");
  for (std::optional<std::string> reply; (reply = read_line(monitor));) {
    const Json message = Json::parse(*reply, nullptr, false);
    if (!message.is_object() || message.contains("QMP")) {
      continue;
    }
    const bool is_text = message.contains("return") && message["return"].is_string();
    write_all(STDOUT_FILENO,
              is_text ? message["return"].get<std::string>() : dump_json_indented(message) + "\n",
              "standard output");
    break;
  }
}

} // namespace

std::vector<std::string> running_machines(const std::string& run_dir) {
  std::vector<std::string> names;
  constexpr std::string_view k_end = ".attach";
  if (DIR* const folder = ::opendir(run_dir.c_str())) {
    while (const dirent* const entry = ::readdir(folder)) {
      const std::string name = entry->d_name;
      if (name.ends_with(k_end)) {
        names.push_back(name.substr(0, name.size() - k_end.size()));
      }
    }
    ::closedir(folder);
  }
  std::sort(names.begin(), names.end());
  if (names.empty()) {
    throw Error(format("attaching to {}: no machine runs there", run_dir), ExitCode::absent);
  }
  return names;
}

int attach(const AttachOptions& options) {
  std::string vm = options.vm.value_or("");
  if (vm.empty()) {
    const std::vector<std::string> names = running_machines(options.run_dir);
    if (names.size() > 1) {
      throw Error(format("attaching to {}: say which machine with --name: {}", options.run_dir,
                         join(names, ", ")),
                  ExitCode::usage);
    }
    vm = names[0];
  }
  View(options.run_dir, vm, options.typing).run();
  return 0;
}

std::vector<VmChannels> attach_channels(const std::string& run_dir) {
  std::vector<VmChannels> vms;
  for (const std::string& name : running_machines(run_dir)) {
    VmChannels vm;
    vm.name = name;
    vm.console = connect_as(run_dir, name, "keys").release();
    vm.qmp = connect_as(run_dir, name, "monitor").release();
    vms.push_back(vm);
  }
  return vms;
}

} // namespace qt
