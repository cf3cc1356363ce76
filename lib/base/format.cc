// {fmt} is compiled into this one module: its shared library costs each program's start more than
// all formatting that it does.
#define FMT_HEADER_ONLY

#include "base/format.hh"

#include <fmt/format.h>

namespace qt {

std::string format_arguments(fmt::string_view text, fmt::format_args arguments) {
  return fmt::vformat(text, arguments);
}

} // namespace qt
