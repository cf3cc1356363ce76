// Child processes. Every child stays in the caller's process group (Meson ends the group) and gets
// SIGKILL from the kernel when the process that started it dies: nothing outlives its parent.
//
// The kernel does not do that for the children's children. A command that is not ours (QEMU, a
// daemon, a shell) therefore gets a guard: a process between it and us that takes in whoever loses
// its parent below it (PR_SET_CHILD_SUBREAPER), ends all of them when the command or we have ended,
// and itself ends as the command did. Only a SIGKILL to the guard alone, which nobody sends, gets
// past it. The guard has a process group of its own: a SIGKILL to the caller's whole group ends us,
// and then the guard ends also those who had left the group.
#pragma once

#include "base/duration.hh"
#include "os/fd.hh"

#include <cstdint>
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

// From now on whoever loses its parent below this program becomes its child. For a program that
// starts another one without a guard.
void adopt_orphans() noexcept;
// Waits until no child is left. For the end of a program, when it has waited for each Process.
void await_orphans(Deadline deadline);

// Raises the limit of open descriptors as far as it goes, for this program only: those that it
// starts get what it was given, since some look at every number that they could use. Gives how many
// may be open now.
std::uint64_t raise_descriptor_limit() noexcept;
// How many are open now.
std::uint64_t count_descriptors();

// What a child ended with: exactly one of the two is meaningful.
struct ExitStatus {
  int wait_status; // as waitpid(2) gives it
  // User's and system's, with that of the children that it has waited for.
  std::chrono::microseconds processor_time{};

  bool by_signal() const noexcept;
  int code() const noexcept;   // exit code; 128 + n if by_signal(), as a shell says it
  int signal() const noexcept; // 0 if not by_signal()
  // "exited 3" or "killed SIGSEGV".
  std::string text() const;
};

// What text() gave; nothing if it is no such text.
std::optional<ExitStatus> exit_status_from(std::string_view text);

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

  pid_t pid() const noexcept { return m_command; }
  // A descriptor that is readable when the child has ended (pidfd).
  int exit_fd() const noexcept { return m_pidfd.get(); }

  // Reaps the child if it has ended; remembers the status. Never blocks. Throws Error if somebody
  // else has reaped it: then nobody will ever know.
  std::optional<ExitStatus> poll();
  // Nothing if the deadline passes first.
  std::optional<ExitStatus> wait(Deadline deadline);
  // Does nothing after the child has been reaped.
  void send_signal(int number) noexcept;

private:
  Process(pid_t pid, UniqueFd pidfd) noexcept;

  pid_t m_pid = -1;     // our child: the guard, if there is one
  pid_t m_command = -1; // what the guard watches, else the same
  UniqueFd m_pidfd;
  UniqueFd m_guard; // what it reports; none: there is no guard
  std::optional<ExitStatus> m_status;
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
