// Small questions about text. No locale anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// Printable ASCII, tab and valid UTF-8 as they are; every other byte as \r, \n, \e or \xNN, and so
// are control characters and what XML 1.0 cannot hold. A backslash stays a backslash: this is for
// reading, not for parsing back.
std::string escape_for_display(std::string_view bytes);
// The same, at the end of `text`.
void append_for_display(std::string& text, std::string_view bytes);

// Reads \r \n \t \e \\ \0 and \xNN back into bytes. Nothing if an escape is unknown or cut off.
std::optional<std::string> parse_escapes(std::string_view text);
// The reverse of parse_escapes(): printable ASCII and UTF-8 as they are, the rest escaped.
std::string format_escapes(std::string_view bytes);

// Parses "123", "-5", "0x1f": the whole text or nothing.
std::optional<std::int64_t> parse_integer(std::string_view text);
// Parses a size in bytes with an optional binary unit: "4096", "16M", "2G", "512K", "1T".
std::optional<std::uint64_t> parse_size(std::string_view text);
// For people: "812 B", "1.5 KiB", "20.0 GiB".
std::string format_size(std::uint64_t bytes);

std::string join(std::span<const std::string> words, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
// ASCII letters only.
std::string lower_case(std::string_view text);
// The last `count` lines of `text`, without line ends; a last line without newline counts. A
// carriage return at the end of a line is dropped, empty lines at the very end are not counted. Of
// a line that is longer than `longest` (by default what a path can be) only the end is given, after
// "…".
std::vector<std::string> last_lines(std::string_view text, std::size_t count,
                                    std::size_t longest = 4096);

// The text if it has at most `most` bytes, else "…" and its end.
std::string last_part(std::string_view text, std::size_t most);

// "%20" becomes a space; what is no such escape stays.
std::string percent_decoded(std::string_view text);

} // namespace qt
