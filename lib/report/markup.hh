// Foreign text in HTML and in XML.
#pragma once

#include <string>
#include <string_view>

namespace qt {

// Fit for text and for attributes in double quotes, whatever bytes it has: those that no terminal
// should get are escaped (text.hh), and so are valid in XML 1.0, and what marks up is not markup.
std::string fit_for_markup(std::string_view text);

} // namespace qt
