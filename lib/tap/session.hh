// A whole run: the selected subtests, one after the other or several at once, their results in
// order in TAP on stdout, a report of each failure on stderr.
#pragma once

#include "ipc/tap.hh"
#include "tap/runner.hh"
#include "tap/selection.hh"

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
// one of them was, with the share of failures, their causes and the times (tally.hh). The run
// directory of the first failure of each cause is kept. For a bisection the status is 0, 1 if
// something failed by the test's own judgement, or k_cannot_be_judged: a test was skipped, or the
// host failed.
int run_repeated(const std::vector<Selected>& selected, const RunSettings& settings, Names names,
                 const Repetition& repetition);

// The same for a command as a test called `name` (wrap.hh), with the time and the reader of
// `settings`.
int run_wrapped(const std::string& name, const std::vector<std::string>& command,
                const RunSettings& settings);

} // namespace qt
