// Two runs beside each other: of two QEMUs, of two days. A device that vanished is seen here: what
// passed and is skipped now is a change for the worse, as a failure is.
#pragma once

#include "report/results.hh"

#include <span>
#include <string>
#include <vector>

namespace qt {

struct Change {
  enum class Kind {
    newly_failed,
    newly_skipped,
    gone,
    newly_flaky, // the first that is not worse: it passes, as somebody who asks for retries wants
    fixed,
    no_longer_skipped,
    no_longer_flaky,
    appeared,
    slower, // a subtest, or one of its marks
    faster,
  };
  Kind kind;
  std::string name;
  std::string what; // "passed → timeout: 'login:' did not come", "mark kernel: 3.4 s → 9.0 s"

  bool is_worse() const { return kind <= Kind::gone; }
};

// "newly failed", …
std::string_view change_name(Change::Kind kind);

// Changes from `before` to `after`, by kind, then by name: that of the subtest, of whose
// repetitions the worst counts, however many there are. Slower and faster are told where the times
// of all repetitions of a subtest lie apart from each other by more than what they vary, and where
// there is one of each, by more than a half and a second.
std::vector<Change> compare(std::span<const SubtestResult> before,
                            std::span<const SubtestResult> after);

// For people: a heading for each kind, and its changes.
std::vector<std::string> change_lines(std::span<const Change> changes);
// {"version": 1, "change": "newly-failed", "name": …, "what": …}
std::string change_json(const Change& change);

} // namespace qt
