// Child processes. Every child stays in the caller's process group (Meson ends the group) and gets
// SIGKILL from the kernel when the process that started it dies: nothing outlives its parent.
//
// The kernel does not do that for the children's children. A command that is not ours (a daemon, a
// shell) therefore gets a guard: a process between it and us that takes in whoever loses its parent
// below it (PR_SET_CHILD_SUBREAPER), ends all of them when the command or we have ended, and itself
// ends as the command did. Only a SIGKILL to the guard alone, which nobody sends, gets past it.
#pragma once

#include "base/duration.hh"
#include "os/fd.hh"

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace qt {

struct SpawnOptions {
  // Descriptors for 0, 1 and 2; -1: inherit the caller's. /dev/null must be asked for explicitly.
  int standard_input = -1;
  int standard_output = -1;
  int standard_error = -1;
  // Further descriptors that the child keeps, under the same numbers. All others are closed in the
  // child, whatever their flags.
  std::vector<int> keep;
  // Variables added to the caller's environment.
  std::vector<std::pair<std::string, std::string>> environment;
  std::string directory; // empty: the caller's
  enum class Descendants { not_watched, end_with_it };
  Descendants descendants = Descendants::not_watched; // what the child's own children do
};

// What a child ended with: exactly one of the two is meaningful.
struct ExitStatus {
  int wait_status; // as waitpid(2) gives it
  // User's and system's, with that of the children that it has waited for.
  std::chrono::microseconds processor_time{};

  bool by_signal() const noexcept;
  int code() const noexcept;   // exit code; 128 + n if by_signal(), as a shell says it
  int signal() const noexcept; // 0 if not by_signal()
  // "exited 3" or "killed SIGSEGV": also the form in which a chain is told (run_dir.hh).
  std::string text() const;
};

// "SIGSEGV" for 11; "SIG35" for a number without a name.
std::string signal_name(int number);

class Process {
public:
  // Starts argv[0] (looked up on PATH). Throws Error(ExitCode::not_found) "starting NAME: …" if
  // there is no such program, Error(ExitCode::cannot_exec) if it cannot be executed.
  static Process spawn(const std::vector<std::string>& argv, const SpawnOptions& options);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  // Kills (SIGKILL) and reaps a child that was not waited for.
  ~Process();

  pid_t pid() const noexcept { return m_pid; }
  // A descriptor that poll(2) finds readable when the child has ended (pidfd).
  int exit_fd() const noexcept { return m_pidfd.get(); }

  // Reaps the child if it has ended; remembers the status. Never blocks.
  std::optional<ExitStatus> poll();
  // Nothing if the deadline passes first.
  std::optional<ExitStatus> wait(Deadline deadline);
  // Does nothing after the child has been reaped.
  void send_signal(int number) noexcept;

private:
  Process(pid_t pid, UniqueFd pidfd, SpawnOptions::Descendants descendants) noexcept;

  pid_t m_pid = -1; // of the guard, if there is one
  UniqueFd m_pidfd;
  std::optional<ExitStatus> m_status;
  SpawnOptions::Descendants m_descendants = SpawnOptions::Descendants::not_watched;
};

// Runs a program to its end and collects its output. Its standard input is /dev/null.
struct Captured {
  ExitStatus status;
  std::string out;
  std::string err;
};
// Nothing if the deadline passed; the child has then been killed. Errors as spawn(). `options` must
// not set descriptors 0 to 2.
std::optional<Captured> run_captured(const std::vector<std::string>& argv, SpawnOptions options,
                                     Deadline deadline);

} // namespace qt
