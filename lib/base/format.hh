// Text formatting. With format.cc the only includer of {fmt}: everything else says qt::format().
#pragma once

#include <fmt/core.h>

namespace qt {

// See fmt::vformat(); checked when it was compiled, so it only fails for want of memory.
[[nodiscard]] std::string format_arguments(fmt::string_view text, fmt::format_args arguments);

template<typename... Arguments>
[[nodiscard]] std::string format(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  return format_arguments(text, fmt::make_format_args(arguments...));
}

} // namespace qt
