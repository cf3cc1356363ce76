// Percent-encoding in URLs (RFC 3986).
#pragma once

#include <string>
#include <string_view>

namespace qt {

// "%20" becomes a space; what is no such escape stays.
std::string percent_decoded(std::string_view text);

} // namespace qt
