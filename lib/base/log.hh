// Messages for people: the only writer of stderr. Lines look like "qt-fetch: error: text".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace qt {

enum class Verbosity { quiet, normal, verbose };

// `name` must outlive the program (argv[0]'s base name or a literal).
void set_program_name(const char* name) noexcept;
void set_verbosity(Verbosity verbosity) noexcept;
Verbosity verbosity() noexcept;
const char* program_name() noexcept;

// Bytes that a terminal could act on are escaped, secrets in URLs left out (secrets.hh); a message
// is one line whatever it holds.
void log_error(std::string_view message) noexcept;
void log_warning(std::string_view message) noexcept;
void log_info(std::string_view message) noexcept; // shown with --verbose

// The same without prefix, and not with --quiet: something to know that is no warning.
void log_note(std::string_view text) noexcept;
// A line of a report, without prefix and in every verbosity: `text` is escaped, newline added.
void log_plain(std::string_view text) noexcept;

// Lines that stay below all messages until the next call replaces them; for terminals only.
void log_status(std::span<const std::string> lines) noexcept;

} // namespace qt
