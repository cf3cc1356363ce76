// How long the subtests of a run may take: all of them together, and each by itself. Times that
// somebody names are multiplied here once (timeout_multiplier.hh); what is handed on to the next
// program, which multiplies again, is divided before.
#pragma once

#include "base/duration.hh"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace qt {

// The time of all subtests together, without what goes into making payloads: it runs while any of
// them does, so that those that run at the same time have it in common. For many threads.
class TimeBudget {
public:
  // `total`: as named; nothing: without end.
  explicit TimeBudget(std::optional<Duration> total);
  TimeBudget(const TimeBudget&) = delete;
  TimeBudget& operator=(const TimeBudget&) = delete;

  bool is_used_up() const;
  std::optional<Duration> left() const;
  // What there was in the beginning.
  std::optional<Duration> whole() const;
  // One subtest more, or less, that runs.
  void begin();
  void end();

  // So much of what has passed does not count: a person was there.
  void give_back(Duration span);

  // What a subtest has taken, for people.
  void note(const std::string& subtest, double seconds);
  // "90s for all: boot took 60.2 s, net 27.1 s": those that took longest, in order. Empty if none
  // has run, or there is no end to it.
  std::string spent() const;

private:
  std::optional<Duration> left_locked() const;

  const std::optional<Duration> m_total; // as named
  mutable std::mutex m_mutex;
  std::optional<Duration> m_left; // at m_since, if the time runs
  int m_running = 0;
  Clock::time_point m_since;
  std::vector<std::pair<double, std::string>> m_spent;
};

// The time of one subtest, which begins now.
class SubtestTime {
public:
  // `own`: as named, of the subtest alone. It runs for as long as the object lives.
  SubtestTime(TimeBudget& budget, std::optional<Duration> own);
  ~SubtestTime();
  SubtestTime(const SubtestTime&) = delete;
  SubtestTime& operator=(const SubtestTime&) = delete;

  // So much of what has passed does not count, also for all subtests.
  void give_back(Duration span);
  // When a stage that does not keep to its time is ended: there is time for evidence before.
  Deadline deadline() const noexcept { return m_deadline; }
  // What a dialogue that begins now may take, as an option of it names it; nothing: without end.
  std::optional<Duration> for_dialogue() const;

private:
  TimeBudget& m_budget;
  std::optional<Duration> m_own;
  Deadline m_deadline = Deadline::never();
};

// What the first dialogue of a subtest gets if all of the time is left: `total` of all subtests,
// `own` of this one, all as named. Nothing: without end.
std::optional<Duration> whole_dialogue_time(std::optional<Duration> total,
                                            std::optional<Duration> own);

} // namespace qt
