#include "os/guard.hh"

#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr int k_parent_died = SIGUSR2;

// SIGKILL to the processes that are our children now: "PID PID … ".
void kill_children() noexcept {
  const int file = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  char text[4096];
  ssize_t count;
  pid_t pid = 0;
  while (file >= 0 && (count = ::read(file, text, sizeof text)) > 0) {
    for (ssize_t i = 0; i < count; ++i) {
      if (text[i] >= '0' && text[i] <= '9') {
        pid = pid * 10 + (text[i] - '0');
      } else if (pid > 0) {
        ::kill(pid, SIGKILL);
        pid = 0;
      }
    }
  }
  ::close(file);
}

// Takes what has ended; true if the command has.
bool reap(pid_t child, int& status) noexcept {
  bool is_over = false;
  int one = 0;
  for (pid_t ended; (ended = ::waitpid(-1, &one, WNOHANG)) > 0;) {
    if (ended == child) {
      status = one;
      is_over = true;
    }
  }
  return is_over;
}

// Whoever dies leaves us its children. The kernel's list of them may lack one while another ends:
// it is read again and again.
void end_descendants(pid_t child, int& status) noexcept {
  sigset_t ended;
  ::sigemptyset(&ended);
  ::sigaddset(&ended, SIGCHLD);
  constexpr timespec k_between_looks = {0, 10'000'000};
  for (;;) {
    reap(child, status);
    siginfo_t info = {};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
      return; // there is none left
    }
    kill_children();
    ::sigtimedwait(&ended, nullptr, &k_between_looks);
  }
}

[[noreturn]] void end_like(int status) noexcept {
  if (WIFSIGNALED(status)) {
    const rlimit none = {0, 0}; // the core file is the command's
    ::setrlimit(RLIMIT_CORE, &none);
    ::signal(WTERMSIG(status), SIG_DFL);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigprocmask(SIG_SETMASK, &signals, nullptr);
    ::kill(::getpid(), WTERMSIG(status));
  }
  ::_exit(WEXITSTATUS(status));
}

[[noreturn]] void watch(pid_t parent, pid_t child, int report) noexcept {
  (void)!::write(report, &child, sizeof child);
  // What the command shares with others must end with the command, not with us.
  ::dup2(report, 0);
  if (::syscall(SYS_close_range, 1U, ~0U, 0U) < 0) {
    for (int fd = 1; fd < 1024; ++fd) { // a kernel before 5.9
      ::close(fd);
    }
  }
  sigset_t all;
  ::sigfillset(&all);
  int status = SIGKILL; // as wait(2) gives it, if we end the command
  while (!reap(child, status) && ::getppid() == parent) {
    siginfo_t info = {};
    const int number = ::sigwaitinfo(&all, &info);
    if (number == k_kill_all && info.si_pid == parent) {
      break;
    }
    if (number > 0 && number != SIGCHLD && number != k_parent_died && info.si_pid == parent) {
      ::kill(child, number);
    }
  }
  end_descendants(child, status);
  (void)!::write(0, &status, sizeof status);
  end_like(status);
}

} // namespace

int guard_a_child(pid_t parent, int report, void (*run)(const void* what, pid_t guard),
                  const void* what) noexcept {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::prctl(PR_SET_NAME, "qt-guard"); // nobody who kills programs by name means this one
  ::signal(SIGCHLD, SIG_DFL);       // ignored, there would be nothing to wait for
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || ::prctl(PR_SET_PDEATHSIG, k_parent_died) < 0) {
    return errno;
  }
  const pid_t self = ::getpid();
  const pid_t group = ::getpgrp();
  ::setpgid(0, 0);
  const pid_t child = ::vfork();
  if (child < 0) {
    return errno;
  }
  if (child == 0) { // it gets its name by exec
    ::setpgid(0, group);
    run(what, self);
    ::_exit(127);
  }
  watch(parent, child, report);
}

} // namespace qt
