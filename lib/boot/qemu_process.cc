#include "boot/qemu_process.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <cerrno>
#include <csignal>
#include <exception>
#include <filesystem>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace qt {

namespace {

void connect(UniqueFd& one, UniqueFd& other, FdPair pair) {
  one = std::move(pair.first);
  other = std::move(pair.second);
}

// A simple UART drops what does not fit into the socket: make it as large as the system allows.
FdPair make_console_pair() {
  FdPair pair = make_socket_pair();
  constexpr int k_size = 4 << 20;
  for (const int fd : {pair.first.get(), pair.second.get()}) {
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &k_size, sizeof k_size);
  }
  return pair;
}

} // namespace

Channels::Channels(const Wanted& wanted) {
  if (wanted.console) {
    connect(console, qemu_console, make_console_pair());
  }
  if (wanted.monitor) {
    connect(monitor, m_qemu_monitor, make_socket_pair());
  }
  if (!wanted.program) {
    return;
  }
  connect(exit, m_program_exit, make_socket_pair());
  set_nonblocking(exit.get());
  if (wanted.console) {
    connect(reader, m_program_console, make_console_pair());
    set_nonblocking(reader.get());
  }
  if (wanted.monitor) {
    connect(m_program_monitor, m_qemu_monitor_of_program, make_socket_pair());
  }
}

MachineChannels Channels::of_qemu() const {
  MachineChannels channels{qemu_console.get(), {}};
  for (const UniqueFd* fd : {&m_qemu_monitor, &m_qemu_monitor_of_program}) {
    if (*fd) {
      channels.monitors.push_back(fd->get());
    }
  }
  return channels;
}

VmChannels Channels::of_program(const std::string& vm) const {
  return {vm, m_program_console.get(), m_program_monitor.get(), m_program_exit.get()};
}

void Channels::close_other_ends() {
  for (UniqueFd* fd : {&m_qemu_monitor, &m_qemu_monitor_of_program, &m_program_console,
                       &m_program_monitor, &m_program_exit}) {
    fd->reset();
  }
}

namespace {

constexpr Duration k_between_looks(10);
constexpr int k_most_signals = 64;

bool is_run_by(pid_t pid, const std::string& executable) {
  struct stat of_process = {};
  struct stat of_file = {};
  return ::stat(format("/proc/{}/exe", pid).c_str(), &of_process) == 0 &&
         ::stat(executable.c_str(), &of_file) == 0 && of_process.st_dev == of_file.st_dev &&
         of_process.st_ino == of_file.st_ino;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code failed;
  std::filesystem::directory_iterator threads(format("/proc/{}/task", pid), failed);
  for (; !failed && threads != std::filesystem::directory_iterator(); threads.increment(failed)) {
    const auto list = read_file_if_exists(threads->path().string() + "/children");
    for (const std::string& word : split(list.value_or(""), ' ')) {
      if (const auto number = parse_integer(word)) {
        children.push_back(static_cast<pid_t>(*number));
      }
    }
  }
  return children;
}

// The first process of those from `pid` downwards that runs the executable.
std::optional<pid_t> find_below(pid_t pid, const std::string& executable) {
  std::vector<pid_t> known = {pid};
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (is_run_by(known[i], executable)) {
      return known[i];
    }
    const std::vector<pid_t> children = children_of(known[i]);
    known.insert(known.end(), children.begin(), children.end());
  }
  return std::nullopt;
}

} // namespace

QemuProcess::QemuProcess(Process process, std::string emulator)
  : m_process(std::move(process))
  , m_has_wrapper(!emulator.empty())
  , m_emulator(std::move(emulator))
  , m_pid(m_process.pid()) {}

void QemuProcess::find_emulator() {
  m_next_look = Deadline::after(k_between_looks);
  const std::optional<pid_t> found = find_below(m_process.pid(), m_emulator);
  if (found && *found != m_process.pid()) {
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, *found, 0)));
    if (!pidfd || !is_run_by(*found, m_emulator)) { // it has ended, and the number may be another's
      return;
    }
    m_emulator_fd = std::move(pidfd);
  }
  if (found) {
    m_pid = *found;
    m_emulator.clear();
  }
}

void QemuProcess::look_for_emulator() noexcept {
  if (!m_emulator.empty() && m_next_look.expired()) {
    try {
      find_emulator();
    } catch (const std::exception&) {
      // a process that ends meanwhile cannot be read
    }
  }
}

std::optional<ExitStatus> QemuProcess::poll() {
  std::optional<ExitStatus> status = m_process.poll();
  const int signal = status && !status->by_signal() ? status->code() - 128 : 0;
  if (m_has_wrapper && signal > 0 && signal <= k_most_signals) {
    status->wait_status = W_EXITCODE(0, signal);
  }
  return status;
}

void QemuProcess::send_signal(int number) noexcept {
  look_for_emulator();
  const bool is_for_all = number == SIGKILL || !m_emulator_fd;
  if (is_for_all || ::syscall(SYS_pidfd_send_signal, m_emulator_fd.get(), number, nullptr, 0) < 0) {
    m_process.send_signal(number);
  }
}

bool QemuProcess::catches(int number) const noexcept {
  constexpr std::string_view k_caught = "\nSigCgt:\t"; // a hexadecimal mask
  try {
    const std::string status = read_file_if_exists(format("/proc/{}/status", m_pid)).value_or("");
    const std::size_t at = status.find(k_caught);
    const std::string mask =
        at == std::string::npos ? "0" : status.substr(at + k_caught.size(), 16);
    return m_emulator.empty() && (std::stoull(mask, nullptr, 16) >> (number - 1) & 1) != 0;
  } catch (const std::exception&) {
    return false;
  }
}

namespace {

// A shell with job control gives the terminal to what it runs, and takes it back: else Ctrl-C would
// end the whole chain.
constexpr const char* k_in_front = "set -m; \"$@\"";

// As the program ended, so does gdb.
constexpr const char* k_end_with_it =
    "python gdb.events.exited.connect(lambda end: gdb.post_event(lambda: gdb.execute('quit %d' % "
    "getattr(end, 'exit_code', 143))))";

} // namespace

GdbStub::GdbStub()
  : m_socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!m_socket || ::bind(m_socket.get(), generic, size) < 0 || ::listen(m_socket.get(), 1) < 0 ||
      ::getsockname(m_socket.get(), generic, &size) < 0) {
    throw errno_error(errno, "reserving a port of 127.0.0.1 for gdb");
  }
  m_port = ntohs(address.sin_port);
}

std::vector<std::string> GdbStub::arguments() const {
  return {"-chardev", format("socket,id=qt-gdb,fd={},server=on,wait=off", fd()), "-gdb",
          "chardev:qt-gdb", "-S"};
}

std::string GdbStub::address() const { return format("127.0.0.1:{}", m_port); }

std::vector<std::string> under_gdb(const std::vector<std::string>& argv) {
  const char* program = nullptr;
  for (const char* const name : {"gdb", "gdb-multiarch"}) {
    program = program == nullptr && find_program(name) ? name : program;
  }
  if (program == nullptr) {
    throw Error("starting gdb: no such program; install it", ExitCode::not_found);
  }
  // QEMU's threads wake each other by signals.
  std::vector<std::string> words = {"/bin/sh", "-c", k_in_front, "sh", program, "-q"};
  for (const char* const command :
       {"set confirm off", "set startup-with-shell off", "set breakpoint pending on",
        "handle SIGUSR1 SIGUSR2 nostop noprint pass", k_end_with_it}) {
    words.insert(words.end(), {"-ex", command});
  }
  words.emplace_back("--args");
  words.insert(words.end(), argv.begin(), argv.end());
  return words;
}

} // namespace qt
