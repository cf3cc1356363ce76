#include "base/exit_code.hh"

#include <sys/wait.h>

namespace qt {

int exit_status_of(int wait_status) noexcept {
  if (WIFSIGNALED(wait_status)) {
    return 128 + WTERMSIG(wait_status);
  }
  return WEXITSTATUS(wait_status);
}

} // namespace qt
