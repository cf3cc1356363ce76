#include "definition/slice.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <numeric>
#include <optional>
#include <tuple>
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

constexpr std::size_t k_most_slices = 10'000;

std::size_t slice_number(std::string_view word) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(word.begin(), word.end(), number);
  return error == std::errc() && end == word.end() ? number : 0;
}

std::string slice_name(const Definition& definition) {
  return format("{}/{}", definition.arch, definition.stem);
}

// A generic definition runs on one emulator, and was measured under the name of that, or of
// several: then it is the longest. Nothing if it was not measured.
std::optional<Duration> measured(const Definition& definition, const Durations& durations) {
  std::optional<Duration> longest;
  for (const auto& [name, time] : durations) {
    const bool is_meant = definition.arch == k_generic
                              ? name.substr(name.find('/') + 1) == definition.stem
                              : name == slice_name(definition);
    if (is_meant) {
      longest = std::max(longest.value_or(time), time);
    }
  }
  return longest;
}

// How many thousandths of their timeouts those took that were measured, at most all. Whole numbers,
// so that every machine comes to the same.
Duration::rep thousandths_taken(std::span<const Definition> definitions,
                                const Durations& durations) {
  Duration taken = Duration::zero();
  Duration allowed = Duration::zero();
  for (const Definition& definition : definitions) {
    if (const std::optional<Duration> known = measured(definition, durations)) {
      taken += *known;
      allowed += definition.timeout;
    }
  }
  return taken < allowed ? taken * 1000 / allowed : 1000;
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

Slice parse_slice(std::string_view text) {
  const std::size_t stroke = text.find('/');
  Slice slice{slice_number(text.substr(0, stroke)), 0};
  if (stroke != std::string_view::npos) {
    slice.of = slice_number(text.substr(stroke + 1));
  }
  if (slice.number < 1 || slice.number > slice.of || slice.of > k_most_slices) {
    throw Error(format("option --slice: '{}' is not I/N, such as 2/5: the second of five parts (at "
                       "most {})",
                       text, k_most_slices),
                ExitCode::usage);
  }
  return slice;
}

std::vector<std::size_t> slice_of(std::span<const SliceItem> items, Slice slice) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [items](std::size_t one, std::size_t other) {
    return std::tie(items[other].time, items[one].name) <
           std::tie(items[one].time, items[other].name);
  });
  std::vector<Duration> given(slice.of, Duration::zero());
  std::vector<std::size_t> chosen;
  for (const std::size_t place : order) {
    const auto least = std::min_element(given.begin(), given.end());
    // What takes no time at all is shared out, too.
    *least += std::max(items[place].time, Duration(1));
    if (static_cast<std::size_t>(least - given.begin()) + 1 == slice.number) {
      chosen.push_back(place);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::vector<std::size_t> slice_of(std::span<const Definition> definitions, Slice slice,
                                  const Durations& durations) {
  const Duration::rep thousandths = thousandths_taken(definitions, durations);
  std::vector<SliceItem> items;
  for (const Definition& definition : definitions) {
    const Duration likely = definition.timeout * thousandths / 1000;
    items.push_back({slice_name(definition), measured(definition, durations).value_or(likely)});
  }
  return slice_of(items, slice);
}

} // namespace qt
