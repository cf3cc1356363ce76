// Logs that are taken along for somebody to read: guests write without end.
#pragma once

#include <cstddef>
#include <string>

namespace qt {

// The file, or its first quarter and the rest from its end, at most `limit` bytes in all, with a
// line in between that says so. Throws Error if it cannot be read.
std::string shortened_log(const std::string& path, std::size_t limit);

} // namespace qt
