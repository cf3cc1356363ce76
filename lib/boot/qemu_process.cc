#include "boot/qemu_process.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <csignal>
#include <exception>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace qt {

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

} // namespace qt
