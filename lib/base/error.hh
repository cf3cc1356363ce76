// The one exception type. An outcome that a caller must handle is a return value; a failure that
// ends what the program was asked to do is an Error, caught once per program (cli.hh, run_tool).
#pragma once

#include "base/exit_code.hh"
#include "base/format.hh"

#include <stdexcept>
#include <string>
#include <string_view>

namespace qt {

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
