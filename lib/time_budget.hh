// How long the subtests of a run may take: all of them together, and each by itself. Times that
// somebody names are multiplied here once (timeout_multiplier.hh); what is handed on to the next
// program, which multiplies again, is divided before.
#pragma once

#include "duration.hh"

#include <optional>

namespace qt {

// The time of subtests that run one after the other, without what goes into making payloads.
class TimeBudget {
public:
  // `total`: as named; nothing: without end.
  explicit TimeBudget(std::optional<Duration> total);

  bool is_used_up() const { return m_left && *m_left <= Duration::zero(); }
  std::optional<Duration> left() const { return m_left; }
  void use(Duration span);

private:
  std::optional<Duration> m_left;
};

// The time of one subtest, which begins now.
class SubtestTime {
public:
  // `own`: as named, of the subtest alone.
  SubtestTime(const TimeBudget& budget, std::optional<Duration> own);

  // When a stage that does not keep to its time is ended: there is time for evidence before.
  Deadline deadline() const noexcept { return m_deadline; }
  // What a dialogue that begins now may take, as an option of it names it; nothing: without end.
  std::optional<Duration> for_dialogue() const;

private:
  std::optional<Duration> m_own;
  Deadline m_deadline = Deadline::never();
};

} // namespace qt
