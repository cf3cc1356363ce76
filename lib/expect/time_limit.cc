#include "expect/time_limit.hh"

#include "base/format.hh"
#include "base/timeout_multiplier.hh"

#include <algorithm>

namespace qt {

Deadline IdleLimit::silent_at(Clock::time_point heard_at) const {
  return Deadline::at(std::max(begun, heard_at) + span);
}

TimeLimits::TimeLimits(const Json& defaults)
  : m_idle(parse_duration(defaults.value("idle-timeout", ""))) {
  const std::optional<Duration> named = parse_duration(defaults.value("timeout", ""));
  if (const std::optional<Duration> total = scaled(named)) {
    m_total = {Deadline::after(*total), format("{} (the whole dialogue)", scaled_text(*named))};
  }
}

TimeLimit TimeLimits::of(const Step& step) const {
  if (const std::optional<Duration> own = parse_duration(step.text("timeout"))) {
    const Deadline deadline = Deadline::after(scaled(*own));
    if (m_total.deadline.is_never() || deadline.remaining() < m_total.deadline.remaining()) {
      return {deadline, scaled_text(*own)};
    }
  }
  return m_total;
}

std::optional<IdleLimit> TimeLimits::idle_of(const Step& step) const {
  const std::optional<Duration> own = parse_duration(step.text("idle-timeout"));
  const std::optional<Duration> span = own ? own : m_idle;
  return span ? std::optional(IdleLimit{scaled(*span), scaled_text(*span)}) : std::nullopt;
}

} // namespace qt
