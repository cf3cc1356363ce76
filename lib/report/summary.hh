// What a run came to, in words: for people, for programs line by line, and as annotations of CI
// services.
#pragma once

#include "report/results.hh"

#include <span>
#include <string>
#include <vector>

namespace qt {

// For people, line by line: the counts, each failure with its cause, last console line, folder and
// the command that runs it again, each flaky subtest with the failure before, what passed while a
// person had a hand in it, skips grouped by reason, the slowest subtests and steps.
std::vector<std::string> summary_lines(std::span<const SubtestResult> results);

// One JSON object for a subtest. `version` 1 has: version, name, arch, file, subtest,
// outcome ("passed", "flaky", "failed", "skipped"), cause, message, seconds, start, end, stage,
// step, awaited, last-lines, steps, marks, tries, touched, definition, directory, again.
Json result_json(const SubtestResult& result);

// One line for each failure and each flaky subtest, which the log of a GitHub workflow shows at the
// definition.
std::vector<std::string> github_annotations(std::span<const SubtestResult> results);
// For the log of a GitLab job: a section for each failure and each flaky subtest, folded until
// somebody opens it.
std::vector<std::string> gitlab_sections(std::span<const SubtestResult> results);

// "ARCH/FILE SECONDS" for each file of which a subtest ran, all its subtests together, the longest
// first: tests/functional/meson.build makes priorities of them.
std::vector<std::string> duration_lines(std::span<const SubtestResult> results);

// Compares what was skipped with a list of what may be: a name or a pattern a line, "#" begins a
// remark. Gives a line for each skip that is not on it. Throws Error(ExitCode::usage) if the list
// cannot be read.
std::vector<std::string> unexpected_skips(std::span<const SubtestResult> results,
                                          const std::string& list);

} // namespace qt
