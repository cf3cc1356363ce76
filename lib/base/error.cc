#include "base/error.hh"

#include <system_error>

namespace qt {

Error errno_error(int number, std::string_view action, ExitCode code) {
  return Error(format("{}: {}", action, std::generic_category().message(number)), code);
}

} // namespace qt
