// The end of a text that may be very long, for messages.
#pragma once

#include <string>
#include <string_view>

namespace qt {

// The text if it has at most `most` bytes, else "…" and its end.
std::string last_part(std::string_view text, std::size_t most);

} // namespace qt
