#include "base/log.hh"

#include "base/format.hh"
#include "base/secrets.hh"

#include <mutex>
#include <unistd.h>

namespace qt {

namespace {

const char* g_program = "qt";
Verbosity g_verbosity = Verbosity::normal;

std::mutex g_status_mutex; // of what follows
std::string g_status;
std::size_t g_status_lines = 0;

void write_all_of(std::string_view rest) noexcept {
  while (!rest.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (count <= 0) {
      return; // nobody left to tell
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

// ECMA-48: cursor up, erase to the end of the screen.
std::string over_the_status(std::string_view text) {
  return g_status_lines == 0 ? std::string(text)
                             : format("\r\x1b[{}A\x1b[J{}", g_status_lines, text);
}

// One write per line, so that lines of several processes do not mix.
void write_line(std::string line) noexcept {
  line += '\n';
  const std::lock_guard guard(g_status_mutex);
  write_all_of(over_the_status(line + g_status));
}

void write_message(std::string_view level, std::string_view message) noexcept {
  write_line(format("{}: {}: {}", g_program, level, fit_to_show(message)));
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

void log_note(std::string_view text) noexcept {
  if (verbosity() >= Verbosity::normal) {
    log_plain(text);
  }
}

void log_plain(std::string_view text) noexcept { write_line(fit_to_show(text)); }

void log_status(std::span<const std::string> lines) noexcept {
  std::string text;
  for (const std::string& line : lines) {
    text += fit_to_show(line) + '\n';
  }
  const std::lock_guard guard(g_status_mutex);
  if (text != g_status) {
    write_all_of(over_the_status(text));
    g_status = text;
    g_status_lines = lines.size();
  }
}

} // namespace qt
