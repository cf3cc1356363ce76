#include "expect/time_limit.hh"

#include "base/format.hh"
#include "base/timeout_multiplier.hh"

#include <algorithm>

namespace qt {

Deadline IdleLimit::silent_at(Clock::time_point heard_at) const {
  return Deadline::at(std::max(begun, heard_at) + span);
}

TimeLimits::TimeLimits(const Modifiers& dialogue)
  : m_idle(dialogue.idle_timeout) {
  if (const std::optional<Duration> total = scaled(dialogue.timeout)) {
    m_total = {Deadline::after(*total),
               format("{} (the whole dialogue)", scaled_text(*dialogue.timeout))};
  }
}

TimeLimit TimeLimits::of(const Modifiers& step) const {
  if (step.timeout) {
    const Deadline deadline = Deadline::after(scaled(*step.timeout));
    if (m_total.deadline.is_never() || deadline.remaining() < m_total.deadline.remaining()) {
      return {deadline, scaled_text(*step.timeout)};
    }
  }
  return m_total;
}

std::optional<IdleLimit> TimeLimits::idle_of(const Modifiers& step) const {
  const std::optional<Duration> span = step.idle_timeout ? step.idle_timeout : m_idle;
  return span ? std::optional(IdleLimit{scaled(*span), scaled_text(*span)}) : std::nullopt;
}

} // namespace qt
