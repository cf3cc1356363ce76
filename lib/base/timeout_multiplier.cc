#include "base/timeout_multiplier.hh"

#include "base/environment.hh"
#include "base/error.hh"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

namespace qt {

namespace {

constexpr double k_longest = 1e12; // milliseconds; the clock counts nanoseconds in 64 bits

Duration times(Duration span, double factor) {
  const double product = static_cast<double>(span.count()) * factor;
  const Duration result(std::llround(std::min(product, k_longest)));
  return span.count() > 0 ? std::max(result, Duration(1)) : result;
}

} // namespace

double timeout_multiplier() {
  const std::string text = env::text(k_timeout_multiplier_variable);
  if (text.empty()) {
    return 1;
  }
  double number = 0;
  const auto [rest, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || rest != text.data() + text.size() || !std::isfinite(number) ||
      number <= 0) {
    throw Error(format("{}: expected a number over 0 such as 2 or 0.5, got '{}'",
                       k_timeout_multiplier_variable, text),
                ExitCode::usage);
  }
  return number;
}

Duration scaled(Duration named) { return times(named, timeout_multiplier()); }

std::optional<Duration> scaled(std::optional<Duration> named) {
  const double factor = timeout_multiplier(); // a wrong one is told of in any case
  return named ? std::optional(times(*named, factor)) : std::nullopt;
}

Duration unscaled(Duration actual) { return times(actual, 1 / timeout_multiplier()); }

std::string scaled_text(Duration named) {
  const double factor = timeout_multiplier();
  return factor == 1 ? format_duration(named)
                     : format("{} ({} with {}={:g})", format_duration(times(named, factor)),
                              format_duration(named), k_timeout_multiplier_variable, factor);
}

} // namespace qt
