// Text formatting. The only includer of {fmt}: everything else says qt::format().
#pragma once

#include <fmt/format.h>

namespace qt {
using fmt::format;
} // namespace qt
