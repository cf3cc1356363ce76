// When the parts of a dialogue happened: its steps, and the marks that some of them set. A mark is
// the end of a stage that began at the mark before it or at the start of the dialogue.
#pragma once

#include "base/duration.hh"
#include "ipc/verdict.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

// Starts when it is made.
class Timeline {
public:
  double seconds() const { return seconds_since(m_start); }

  // A step begins; the one before it has ended.
  void begin_step(std::string step);
  void end_step();
  // The stage `name` ends here. What to say if it took longer than `budget`; empty if it did not.
  std::string mark(const std::string& name, std::optional<Duration> budget);

  // The last `span` is no part of the dialogue: a person was there. The step that ran has ended
  // before.
  void leave_out(Duration span) { m_start += span; }

  // Ends the step that runs and hands out what is known.
  void put_into(Verdict& verdict);

private:
  static double seconds_since(Clock::time_point when) {
    return std::chrono::duration<double>(Clock::now() - when).count();
  }

  Clock::time_point m_start = Clock::now();
  std::chrono::system_clock::time_point m_start_of_day = std::chrono::system_clock::now();
  std::vector<StepTime> m_steps;
  std::vector<Mark> m_marks;
  bool m_in_step = false;
};

} // namespace qt
