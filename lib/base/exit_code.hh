// The exit codes that all programs share (EXIT STATUS in their manual pages).
#pragma once

namespace qt {

enum class ExitCode : int {
  done = 0,          // done; the verdict is "pass"
  failed = 1,        // judged and failed; also: gone (404), digest mismatch, bad archive
  usage = 2,         // wrong command line or a mistake in a definition
  absent = 77,       // a prerequisite is absent: offline, no such machine
  internal = 99,     // could not judge: I/O, broken chain, a bug
  deadline = 124,    // a deadline passed
  cannot_exec = 126, // a program is there but cannot be executed
  not_found = 127,   // a program is not there
};

inline constexpr int to_int(ExitCode code) noexcept { return static_cast<int>(code); }

// Maps a wait status as waitpid(2) gives it to what a shell would show: the exit code, or 128 + n
// for death by signal n.
int exit_status_of(int wait_status) noexcept;

} // namespace qt
