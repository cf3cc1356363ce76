#include "base/error.hh"

#include <sys/wait.h>
#include <system_error>

namespace qt {

int exit_status_of(int wait_status) noexcept {
  if (WIFSIGNALED(wait_status)) {
    return 128 + WTERMSIG(wait_status);
  }
  return WEXITSTATUS(wait_status);
}

Error errno_error(int number, std::string_view action, ExitCode code) {
  return Error(format("{}: {}", action, std::generic_category().message(number)), code);
}

} // namespace qt
