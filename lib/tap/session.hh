// A whole run: the selected subtests, one after the other or several at once, their results in
// order in TAP on stdout, a report of each failure on stderr; the same many times, with what that
// comes to; or any other command, run as a test.
#pragma once

#include "base/duration.hh"
#include "ipc/tap.hh"
#include "tap/jobs.hh"
#include "tap/runner.hh"
#include "tap/selection.hh"
#include "tap/stage.hh"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace qt {

// How results are called: by the subtest alone, or by its full name.
enum class Names { short_names, full_names };

// Adds what does not come from a command line: the programs beside this one, the folders that are
// found, the iteration of a runner that repeats; paths become absolute.
// MESON_TEST_ITERATION, which Meson sets since 1.5, also says that Meson reads the results.
RunSettings complete_settings(const RunOptions& options);

// Gives the exit status when the stream is complete: 128 + n after a signal to this program; else 1
// if something failed, but 0 under Meson, which takes "not ok" with exit 0 for a failure and with
// exit 1 for an error of the program. Blocks as long as the tests take. Throws Error if stdout
// cannot be written.
int run_session(const std::vector<Selected>& selected, const RunSettings& settings, Names names);

// How often the subtests are run, and what for.
struct Repetition {
  std::size_t rounds = 1;     // of all of them
  bool until_failure = false; // end at the first failure
  bool bisects = false;       // the exit status is for 'git bisect run'
};
constexpr int k_cannot_be_judged = 125; // a bisection's status for a commit to be skipped

// The same, many times: one result for each subtest, when all have been run, which is "not ok" if
// one of them was, with the share of failures, their causes and the times. The run directory
// of the first failure of each cause is kept. For a bisection the status is 0, 1 if something
// failed by the test's own judgement, or k_cannot_be_judged: a test was skipped, or the host
// failed.
int run_repeated(const std::vector<Selected>& selected, const RunSettings& settings, Names names,
                 const Repetition& repetition);

// The same for any command as a test of one result, called `name`: 0 is a pass, 77 a skip whose
// reason is the command's last line on stderr, anything else a failure. What the command writes
// goes to stderr. The time and the reader are those of `settings`.
int run_wrapped(const std::string& name, const std::vector<std::string>& command,
                const RunSettings& settings);

// The share of failures among all tests of this kind, from 0 to 1: between `low` and `high` with
// 95 % certainty, if `failed` of `runs` have failed. Wilson's interval (E. B. Wilson, "Probable
// Inference, the Law of Succession, and Statistical Inference", 1927), which also holds for few
// runs and for none that failed. `runs` is not 0.
struct FailureRate {
  double low;
  double high;
};
FailureRate failure_rate(std::size_t failed, std::size_t runs);

// What came of a test that was run many times (--repeat): how often it failed, of which causes, and
// how long it took.
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

  // Lines for people: how many runs failed, a line for each cause with the logs of its first
  // failure, how long they took.
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

// What a person sees of a subtest that failed, on stderr: the cause in one line, the text awaited,
// the last console lines, where the logs are, and the command that runs it again. At most 60
// lines, as Meson shows no more than the last hundred; bytes as they are, to be escaped when they
// are written. The first is the cause. `again`: the command line that runs the subtest again.
std::vector<std::string> failure_lines(const std::string& name, const Outcome& outcome,
                                       const std::string& again);

} // namespace qt
