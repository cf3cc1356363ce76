// Words as a POSIX shell writes and reads them. Nothing is expanded: a "$" is a "$".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// One word as a shell would read it back; plain words stay unquoted.
std::string shell_quote(std::string_view word);
// A line of such words.
std::string shell_join(std::span<const std::string> words);

// The words of a line, with quotes and backslashes taken out. Nothing if a quote is not closed.
std::optional<std::vector<std::string>> split_words(std::string_view line);

} // namespace qt
