#include "os/process.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/event_loop.hh"
#include "os/guard.hh"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace qt {

bool ExitStatus::by_signal() const noexcept { return WIFSIGNALED(wait_status); }
int ExitStatus::code() const noexcept {
  return by_signal() ? 128 + signal() : WEXITSTATUS(wait_status);
}
int ExitStatus::signal() const noexcept { return by_signal() ? WTERMSIG(wait_status) : 0; }

std::string ExitStatus::text() const {
  return by_signal() ? "killed " + signal_name(signal()) : format("exited {}", code());
}

std::optional<ExitStatus> exit_status_from(std::string_view text) {
  for (int code = 0; code < 256; ++code) {
    if (const ExitStatus status{W_EXITCODE(code, 0)}; status.text() == text) {
      return status;
    }
  }
  for (int signal = 1; signal < NSIG; ++signal) {
    if (const ExitStatus status{W_EXITCODE(0, signal)}; status.text() == text) {
      return status;
    }
  }
  return std::nullopt;
}

std::string signal_name(int number) {
  const char* const name = ::sigabbrev_np(number);
  return name != nullptr ? format("SIG{}", name) : format("SIG{}", number);
}

namespace {

// As this program was given it; 0: it was not changed.
rlimit descriptor_limit = {0, 0};

// What the child does between fork and exec: only async-signal-safe calls, and it changes nothing
// of its parent's. Returns errno of the call that failed.
int become(const std::vector<char*>& argv, const std::vector<char*>& environment,
           const SpawnOptions& options, const char* program, int report_fd, pid_t parent,
           pid_t tracer) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
    return errno;
  }
  if (::getppid() != parent) { // it died before the line above took effect
    ::_exit(127);
  }
  ::prctl(PR_SET_PTRACER, tracer); // for gdb, which it starts; not every kernel asks
  // Move the three standard descriptors out of each other's way first: 0 may be wanted as 1.
  std::array<int, 3> wanted = {options.standard_input, options.standard_output,
                               options.standard_error};
  for (int& fd : wanted) {
    if (fd >= 0) {
      fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
      if (fd < 0) {
        return errno;
      }
    }
  }
  for (int target = 0; target < 3; ++target) {
    const int fd = wanted[static_cast<std::size_t>(target)];
    if (fd >= 0 && ::dup2(fd, target) < 0) {
      return errno;
    }
  }
  if (::syscall(SYS_close_range, 3U, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) < 0) {
    for (int fd = 3; fd < 1024; ++fd) { // a kernel before 5.11
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
  }
  for (const int fd : options.keep) {
    if (::fcntl(fd, F_SETFD, 0) < 0) {
      return errno;
    }
  }
  ::fcntl(report_fd, F_SETFD, FD_CLOEXEC);
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) < 0) {
    return errno;
  }
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGXFSZ, SIG_DFL);
  if (descriptor_limit.rlim_cur != 0) { // a program may close or look at as many as it could have
    ::setrlimit(RLIMIT_NOFILE, &descriptor_limit);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(program, argv.data(), environment.data());
  return errno;
}

std::vector<std::string>
merged_environment(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : added) {
      replaced = replaced || (text.starts_with(name) && text.substr(name.size()).starts_with('='));
    }
    if (!replaced) {
      entries.emplace_back(text);
    }
  }
  for (const auto& [name, value] : added) {
    entries.push_back(name + "=" + value);
  }
  return entries;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

// What a child needs to become the program. In memory and never changed: the child of a vfork works
// in the frame of its parent, which what a compiler keeps in registers would not outlive.
struct Child {
  const std::vector<char*>& argv;
  const std::vector<char*>& environment;
  const SpawnOptions& options;
  const char* name;
  int report;
  int guard; // -1: the program is not guarded
  pid_t parent;
};

[[noreturn]] void give_up(const Child& child, int error) {
  (void)!::write(child.report, &error, sizeof error);
  ::_exit(127);
}

[[noreturn]] void become(const Child& child, pid_t above) {
  give_up(child, become(child.argv, child.environment, child.options, child.name, child.report,
                        above, child.parent));
}

[[noreturn]] void run(const Child& child) {
  if (child.guard < 0) {
    become(child, child.parent);
  }
  const auto become_it = [](const void* what, pid_t guard) {
    become(*static_cast<const Child*>(what), guard);
  };
  give_up(child, guard_a_child(child.parent, child.guard, become_it, &child));
}

// One object from a pipe; false if it has ended before.
template<typename Object>
bool read_object(const UniqueFd& pipe, Object& object) {
  Object read{};
  ssize_t count;
  do {
    count = ::read(pipe.get(), &read, sizeof read);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof read) {
    object = read;
  }
  return count == sizeof read;
}

std::chrono::microseconds duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// The kernel ends a word at a NUL byte; what is after it would be lost without a word.
void need_whole(const std::vector<std::string>& words, const std::string& program) {
  for (const std::string& word : words) {
    if (word.find('\0') != std::string::npos) {
      throw Error(
          format("starting {}: an argument ends at a NUL byte, and '{}' has one; save less of "
                 "it, or take it out",
                 program, escape_for_display(word)),
          ExitCode::usage);
    }
  }
}

} // namespace

void adopt_orphans() noexcept { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

void await_orphans(Deadline deadline) {
  constexpr Duration k_between_looks(2);
  while (!deadline.expired()) {
    const pid_t ended = ::waitpid(-1, nullptr, WNOHANG);
    if (ended < 0) {
      return;
    }
    if (ended == 0) {
      wait_for(-1, 0, Deadline::after(k_between_looks));
    }
  }
}

std::uint64_t raise_descriptor_limit() noexcept {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) {
    return 0;
  }
  const rlimit raised = {limit.rlim_max, limit.rlim_max};
  if (limit.rlim_cur == limit.rlim_max || ::setrlimit(RLIMIT_NOFILE, &raised) < 0) {
    return limit.rlim_cur;
  }
  descriptor_limit = limit;
  return raised.rlim_cur;
}

std::uint64_t count_descriptors() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::directory_iterator entries("/proc/self/fd", ignored);
  return static_cast<std::uint64_t>(std::distance(entries, fs::directory_iterator()));
}

Process Process::spawn(const std::vector<std::string>& argv, const SpawnOptions& options) {
  if (argv.empty() || argv[0].empty()) {
    throw Error("starting a program: its name is empty", ExitCode::usage);
  }
  const std::vector<std::string> environment = merged_environment(options.environment);
  need_whole(argv, argv[0]);
  need_whole(environment, argv[0]);
  const std::vector<char*> argv_pointers = pointers_to(argv);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const bool is_guarded = options.descendants == SpawnOptions::Descendants::end_with_it;
  FdPair report = make_pipe();
  FdPair guard = is_guarded ? make_pipe() : FdPair();
  const Child child = {argv_pointers,       environment_pointers, options,   argv[0].c_str(),
                       report.second.get(), guard.second.get(),   ::getpid()};
  // A guard stays; all others exec, and until then may as well use our memory: copying the page
  // tables, and then each page that we write, takes longer than the rest of this function.
  const pid_t pid = is_guarded ? ::fork() : ::vfork();
  if (pid < 0) {
    throw errno_error(errno, format("starting {}", argv[0]));
  }
  if (pid == 0) {
    run(child);
  }
  report.second.reset();
  guard.second.reset();
  int error = 0;
  if (read_object(report.first, error)) {
    ::waitpid(pid, nullptr, 0);
    throw errno_error(error, format("starting {}", argv[0]),
                      error == ENOENT ? ExitCode::not_found : ExitCode::cannot_exec);
  }
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const int failure = errno;
    ::kill(pid, is_guarded ? k_kill_all : SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw errno_error(failure, format("watching {}", argv[0]));
  }
  Process process(pid, std::move(pidfd));
  if (is_guarded) {
    (void)read_object(guard.first, process.m_command);
    process.m_guard = std::move(guard.first);
  }
  return process;
}

Process::Process(pid_t pid, UniqueFd pidfd) noexcept
  : m_pid(pid)
  , m_command(pid)
  , m_pidfd(std::move(pidfd)) {}

Process::Process(Process&& other) noexcept
  : m_pid(std::exchange(other.m_pid, -1))
  , m_command(std::exchange(other.m_command, -1))
  , m_pidfd(std::move(other.m_pidfd))
  , m_guard(std::move(other.m_guard))
  , m_status(other.m_status) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(m_pid, other.m_pid);
  std::swap(m_command, other.m_command);
  std::swap(m_pidfd, other.m_pidfd);
  std::swap(m_guard, other.m_guard);
  std::swap(m_status, other.m_status);
  return *this;
}

Process::~Process() {
  if (m_pid > 0 && !m_status) {
    send_signal(SIGKILL);
    while (::waitpid(m_pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

std::optional<ExitStatus> Process::poll() {
  if (m_status) {
    return m_status;
  }
  int status = 0;
  rusage used = {};
  const pid_t ended = ::wait4(m_pid, &status, WNOHANG, &used);
  if (ended < 0 && errno == ECHILD) {
    throw errno_error(errno, format("waiting for process {}", m_command));
  }
  if (ended == m_pid) {
    if (m_guard) {
      (void)read_object(m_guard, status); // else as it was itself ended
    }
    m_status = ExitStatus{status, duration_of(used.ru_utime) + duration_of(used.ru_stime)};
  }
  return m_status;
}

std::optional<ExitStatus> Process::wait(Deadline deadline) {
  EventLoop loop; // the time in which we were stopped does not count
  const auto ended = loop.watch(m_pidfd.get(), {});
  while (!poll() && !deadline.expired()) {
    deadline = put_off(deadline, loop.turn(deadline).stopped);
  }
  return poll();
}

void Process::send_signal(int number) noexcept {
  if (m_pid > 0 && !m_status) {
    ::kill(m_pid, m_guard && number == SIGKILL ? k_kill_all : number);
  }
}

std::optional<Captured> run_captured(const std::vector<std::string>& argv, SpawnOptions options,
                                     Deadline deadline) {
  FdPair out = make_pipe();
  FdPair err = make_pipe();
  const UniqueFd null = open_file("/dev/null", O_RDONLY);
  options.standard_input = null.get();
  options.standard_output = out.second.get();
  options.standard_error = err.second.get();
  Process process = Process::spawn(argv, options);
  out.second.reset();
  err.second.reset();
  Captured captured{};
  std::array<std::byte, 65536> buffer;
  const auto collect = [&buffer](UniqueFd& fd, std::string& text) {
    const IoCount got = read_some(fd.get(), buffer);
    text += text_of(std::span(buffer).first(got.count));
    if (got.result == IoResult::ended) {
      fd.reset();
    }
  };
  EventLoop loop;
  const auto watch = [&](UniqueFd& fd, std::string& text) {
    return loop.watch(
        [&fd] {
          return pollfd{fd.get(), POLLIN, 0};
        },
        [&](const pollfd&) { collect(fd, text); });
  };
  const auto watched_out = watch(out.first, captured.out);
  const auto watched_err = watch(err.first, captured.err);
  while (out.first || err.first) {
    if (deadline.expired()) {
      return std::nullopt;
    }
    deadline = put_off(deadline, loop.turn(deadline).stopped);
  }
  const std::optional<ExitStatus> status = process.wait(deadline);
  if (!status) {
    return std::nullopt;
  }
  captured.status = *status;
  return captured;
}

} // namespace qt
