#include "definition/durations.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace qt {

namespace {

// No run takes 115 days; sums of such times fit into a Duration.
constexpr std::size_t k_most_digits = 7;

bool is_measured_name(std::string_view word) {
  const std::size_t stroke = word.find('/');
  return stroke != 0 && stroke != std::string_view::npos && stroke + 1 < word.size() &&
         word.find('/', stroke + 1) == std::string_view::npos;
}

std::optional<Duration> measured_seconds(std::string_view word) {
  const std::size_t digits = std::min(word.find('.'), word.size());
  if (digits < 1 || digits > k_most_digits ||
      word.find_first_not_of("0123456789.") != std::string_view::npos) {
    return std::nullopt;
  }
  return parse_duration(format("{}s", word));
}

} // namespace

Durations parse_durations(std::string_view text, const std::string& file) {
  Durations durations;
  std::size_t number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (trim(line).empty()) {
      continue;
    }
    const std::vector<std::string> words = split(trim(line), ' ');
    const auto seconds = words.size() == 2 ? measured_seconds(words[1]) : std::nullopt;
    if (!seconds || !is_measured_name(words[0])) {
      throw Error(format("{}:{}: '{}' is not ARCH/FILE SECONDS, such as 'x86_64/seabios 2.345'; "
                         "qt-report --durations writes such files",
                         file, number, escape_for_display(line)),
                  ExitCode::usage);
    }
    if (!durations.emplace(words[0], *seconds).second) {
      throw Error(format("{}:{}: {} stands in a line above, too; leave one of them out", file,
                         number, words[0]),
                  ExitCode::usage);
    }
  }
  return durations;
}

Durations read_durations(const std::string& path) {
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error& error) {
    throw Error(
        format("option --durations: {}; qt-report --durations writes such a file", error.what()),
        ExitCode::usage);
  }
  return parse_durations(text, path);
}

} // namespace qt
