#include "base/duration.hh"

#include "base/format.hh"

#include <algorithm>
#include <charconv>
#include <limits>

namespace qt {

namespace {

struct Unit {
  std::string_view name;
  double milliseconds;
};

constexpr Unit k_units[] = {
    {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3},
};

} // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  double number = 0;
  const auto [rest, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || number < 0) {
    return std::nullopt;
  }
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  for (const Unit& candidate : k_units) {
    if (unit == candidate.name) {
      const double total = number * candidate.milliseconds;
      if (total > 1e15) { // 30,000 years: beyond what the clock can add
        return std::nullopt;
      }
      return Duration(static_cast<Duration::rep>(total + 0.5));
    }
  }
  return std::nullopt;
}

std::string format_duration(Duration span) {
  const auto count = span.count();
  if (count % 1000 != 0 || count == 0) {
    return format("{}ms", count);
  }
  return format("{}s", count / 1000);
}

Duration Deadline::remaining() const {
  if (is_never()) {
    return Duration::max();
  }
  return std::max(Duration::zero(), std::chrono::ceil<Duration>(m_at - Clock::now()));
}

int Deadline::poll_timeout() const {
  if (is_never()) {
    return -1;
  }
  const Duration::rep limit = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(remaining().count(), limit));
}

} // namespace qt
