// Text formatting. With format.cc the only includer of {fmt}: everything else says qt::format().
#pragma once

#include <fmt/core.h>

namespace qt {

// See fmt::vformat(); checked when it was compiled, so it only fails for want of memory.
[[nodiscard]] std::string format_arguments(fmt::string_view text, fmt::format_args arguments);

// An object, not a function: a name that finds an object is looked up no further, so that
// `format("{}", text)` cannot mean std::format (or fmt::format) only because an argument's type
// lives there.
struct FormatText {
  template<typename... Arguments>
  [[nodiscard]] std::string operator()(fmt::format_string<Arguments...> text,
                                       Arguments&&... arguments) const {
    return format_arguments(text, fmt::make_format_args(arguments...));
  }
};
inline constexpr FormatText format{};

} // namespace qt
