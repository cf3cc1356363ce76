// The parts of the page (page.hh) that are the same for all runs: its style and its program.
#pragma once

#include <string_view>

namespace qt {

// Stands in k_page_start wherever the page's heading belongs.
inline constexpr std::string_view k_page_title = "@TITLE@";
// Ends after the "[" of a JSON list of results.
extern const char* const k_page_start;
// Begins with the "]".
extern const char* const k_page_end;

} // namespace qt
