// Failures: the one exception type and the exit codes. An outcome that a caller must handle is a
// return value; a failure that ends what the program was asked to do is an Error, caught once per
// program (cli.hh, run_tool).
#pragma once

#include "base/format.hh"

#include <stdexcept>
#include <string>
#include <string_view>

namespace qt {

// The exit codes that all programs share (EXIT STATUS in their manual pages).
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

class Error : public std::runtime_error {
public:
  // How it is shown: a message as "PROGRAM: error: MESSAGE"; a report line by line as it is,
  // because its lines begin with a place in a file, which editors understand.
  enum class Form { message, report };

  // `message`: one line, no full stop: verb, object, cause, and the next step if there is one.
  explicit Error(const std::string& message, ExitCode code = ExitCode::internal,
                 Form form = Form::message)
    : std::runtime_error(message)
    , m_code(code)
    , m_form(form) {}

  ExitCode code() const noexcept { return m_code; }
  Form form() const noexcept { return m_form; }

  // The same failure seen from one level up: "context: message".
  Error within(std::string_view context) const {
    return Error(format("{}: {}", context, what()), m_code);
  }

private:
  ExitCode m_code;
  Form m_form;
};

// "action: strerror(number)". Capture errno on the line of the call that failed.
Error errno_error(int number, std::string_view action, ExitCode code = ExitCode::internal);

} // namespace qt
