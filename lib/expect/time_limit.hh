// The deadlines of a dialogue: of the whole, of one step, and for the silence of a console. What
// names them is multiplied here (timeout_multiplier.hh).
#pragma once

#include "base/duration.hh"
#include "expect/action.hh"

#include <optional>
#include <string>

namespace qt {

// A deadline and how to say it: "30s", or "90s (the whole dialogue)".
struct TimeLimit {
  Deadline deadline = Deadline::never();
  std::string text;
};

// How long the console may be silent while something is awaited on it. Any byte counts, also the
// echo of what is typed; silence from before the limit began does not.
struct IdleLimit {
  Duration span;
  std::string text;
  Clock::time_point begun = Clock::now();

  Deadline silent_at(Clock::time_point heard_at) const;
};

class TimeLimits {
public:
  // Of the whole dialogue, whose time begins now. Throws Error(ExitCode::usage) for a wrong
  // multiplier.
  explicit TimeLimits(const Modifiers& dialogue);

  const TimeLimit& total() const noexcept { return m_total; }
  // The step's own deadline, which begins now, or the dialogue's, whichever is earlier.
  TimeLimit of(const Modifiers& step) const;
  // Begins now; nothing if there is none. The dialogue's where the step names none.
  std::optional<IdleLimit> idle_of(const Modifiers& step) const;

private:
  TimeLimit m_total;
  std::optional<Duration> m_idle; // as named
};

} // namespace qt
