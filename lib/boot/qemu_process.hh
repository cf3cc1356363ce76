// QEMU as a process, also where a wrapper ("perf record", "unshare -Urn") has started it. The
// wrapper is the child then: its end is the end of the run, and what it has started ends with it.
// But signals and questions about the process are for the emulator, which is looked for among the
// wrapper's descendants; a wrapper that runs it in its own place is the emulator.
#pragma once

#include "base/duration.hh"
#include "os/fd.hh"
#include "os/process.hh"

#include <optional>
#include <string>
#include <sys/types.h>

namespace qt {

class QemuProcess {
public:
  // `emulator`: the executable that the wrapper starts; empty: there is no wrapper.
  QemuProcess(Process process, std::string emulator);

  // Of the emulator; of the wrapper until the emulator was seen, or if it never is, as where it is
  // a script.
  pid_t pid() const noexcept { return m_pid; }
  int exit_fd() const noexcept { return m_process.exit_fd(); }

  // Looks for the emulator that a wrapper has started, until it was seen. Cheap: to be called
  // often.
  void look_for_emulator() noexcept;

  // As Process. A wrapper that exits with 128 + n says that signal n has ended QEMU.
  std::optional<ExitStatus> poll();
  // SIGKILL is for all, others for the emulator while it lives.
  void send_signal(int number) noexcept;
  // Whether the emulator has a handler for the signal; false if that cannot be told (proc(5)).
  bool catches(int number) const noexcept;

private:
  void find_emulator();

  Process m_process;
  bool m_has_wrapper;
  std::string m_emulator; // to be looked for; empty: it was seen
  pid_t m_pid;
  UniqueFd m_emulator_fd; // pidfd of an emulator that is not the child itself
  Deadline m_next_look = Deadline::after(Duration::zero());
};

} // namespace qt
