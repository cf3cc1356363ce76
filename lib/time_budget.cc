#include "time_budget.hh"

#include "timeout_multiplier.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr Duration k_least_margin(50);
constexpr Duration k_most_margin(3000);
constexpr Duration k_start(500); // until the first dialogue of a subtest begins

// What the time for a dialogue is less than what is left: for evidence and an orderly end.
Duration margin_within(Duration left) {
  return std::clamp(left / 10, k_least_margin, k_most_margin);
}
// The same for what has to be left so that the dialogue has this long.
Duration margin_around(Duration dialogue) {
  return std::clamp(dialogue / 9, k_least_margin, k_most_margin);
}

} // namespace

TimeBudget::TimeBudget(std::optional<Duration> total)
  : m_left(scaled(total)) {}

void TimeBudget::use(Duration span) {
  if (m_left) {
    *m_left -= span;
  }
}

SubtestTime::SubtestTime(const TimeBudget& budget, std::optional<Duration> own)
  : m_own(own) {
  std::optional<Duration> span = budget.left();
  if (const std::optional<Duration> actual = scaled(own)) {
    const Duration whole = *actual + margin_around(*actual) + k_start;
    span = span ? std::min(*span, whole) : whole;
  }
  if (span) {
    m_deadline = Deadline::after(*span);
  }
}

std::optional<Duration> SubtestTime::for_dialogue() const {
  if (m_deadline.is_never()) {
    return std::nullopt;
  }
  const Duration left = m_deadline.remaining();
  const Duration inner = unscaled(std::max(left - margin_within(left), Duration(1)));
  return m_own ? std::min(*m_own, inner) : inner;
}

} // namespace qt
