#include "log.hh"

#include "format.hh"
#include "text.hh"

#include <unistd.h>

namespace qt {

namespace {

const char* g_program = "qt";
Verbosity g_verbosity = Verbosity::normal;

// One write per line, so that lines of several processes do not mix.
void write_line(std::string line) noexcept {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (count <= 0) {
      return; // nobody left to tell
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

void write_message(std::string_view level, std::string_view message) noexcept {
  write_line(format("{}: {}: {}", g_program, level, escape_for_display(message)));
}

} // namespace

void set_program_name(const char* name) noexcept { g_program = name; }
void set_verbosity(Verbosity verbosity) noexcept { g_verbosity = verbosity; }
Verbosity verbosity() noexcept { return g_verbosity; }
const char* program_name() noexcept { return g_program; }

void log_error(std::string_view message) noexcept { write_message("error", message); }

void log_warning(std::string_view message) noexcept {
  if (g_verbosity >= Verbosity::normal) {
    write_message("warning", message);
  }
}

void log_info(std::string_view message) noexcept {
  if (g_verbosity >= Verbosity::verbose) {
    write_message("info", message);
  }
}

void log_debug(std::string_view message) noexcept {
  if (g_verbosity >= Verbosity::debug) {
    write_message("debug", message);
  }
}

void log_note(std::string_view text) noexcept {
  if (verbosity() >= Verbosity::normal) {
    log_plain(text);
  }
}

void log_plain(std::string_view text) noexcept { write_line(escape_for_display(text)); }

} // namespace qt
