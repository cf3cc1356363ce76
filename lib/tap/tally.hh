// What came of a test that was run many times (--repeat): how often it failed, of which causes, and
// how long it took.
#pragma once

#include "tap/jobs.hh"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace qt {

// The share of failures among all tests of this kind, from 0 to 1: between `low` and `high` with
// 95 % certainty, if `failed` of `runs` have failed. Wilson's interval (E. B. Wilson, "Probable
// Inference, the Law of Succession, and Statistical Inference", 1927), which also holds for few
// runs and for none that failed. `runs` is not 0.
struct FailureRate {
  double low;
  double high;
};
FailureRate failure_rate(std::size_t failed, std::size_t runs);

class Tally {
public:
  // `result` is of a run that took place. What is said of the checks of a test is in its verdict.
  void add(const Result& result);

  std::size_t runs() const noexcept { return m_took.size(); }
  std::size_t failed() const noexcept;
  bool only_skipped() const noexcept { return m_skipped == runs(); }
  // What is said of the last pass that was flaky (verdict.hh); or empty.
  const std::string& why_flaky() const noexcept { return m_why_flaky; }
  // The same of the last pass in which a person had a hand.
  const std::string& how_touched() const noexcept { return m_how_touched; }
  const std::string& why_skipped() const noexcept { return m_why_skipped; }

  // Lines for people: failures of all runs, a line for each cause with the logs of its first,
  // times.
  std::vector<std::string> lines() const;

  // The first result of each cause, and how often it came.
  struct Failures {
    std::size_t count = 0;
    Result first;
  };
  const std::map<Cause, Failures>& failures() const noexcept { return m_failures; }

private:
  std::string times() const;

  std::size_t m_skipped = 0;
  std::string m_why_skipped;
  std::string m_why_flaky;
  std::string m_how_touched;
  std::map<Cause, Failures> m_failures;
  std::vector<Duration> m_took;
};

} // namespace qt
