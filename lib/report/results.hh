// The results of runs, read from the run directories that qt-tap leaves: those of one build, of all
// slices of a CI run, or of an unpacked bundle. A run directory is a folder with a verdict.json
// (verdict.hh) or a base.log; what lies in it belongs to it.
#pragma once

#include "ipc/verdict.hh"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

struct SubtestResult {
  std::string name;       // "riscv64/opensbi:smp", a repetition "riscv64/opensbi:smp.2"
  std::string first;      // of a repetition: "riscv64/opensbi:smp"; else empty
  std::string arch;       // "riscv64"
  std::string file;       // "opensbi"
  std::string subtest;    // "smp"
  std::string directory;  // absolute
  std::string definition; // its path as qt-tap had it; empty if it is not known
  std::string command;    // QEMU's command line, of the first machine; empty if none was started
  std::string again;      // the command line that runs it again; empty if it is not known
  Verdict verdict;        // cause `host` where a run left none: it did not come to its end

  // What all repetitions have in common.
  const std::string& subject() const { return first.empty() ? name : first; }
  // Failed checks have results of their own.
  bool passed() const { return is_passed(verdict.cause); }
  // It passed, but only when it was run again.
  bool flaky() const { return verdict.cause == Cause::flaky; }
  bool skipped() const { return verdict.cause == Cause::skip; }
  bool failed() const { return is_failure(verdict.cause); }
};

// All results in `folders`, by name. One name in several folders is one result: what failed counts
// before what is flaky, that before what passed, and that before what was skipped, so that no
// folder hides a failure of another. Throws Error(ExitCode::usage) for a folder that is not there
// or has no result: nothing is no success.
std::vector<SubtestResult> read_results(std::span<const std::string> folders);

// Whether one says more against a success than the other, in the order above.
bool is_worse(const SubtestResult& one, const SubtestResult& other);

// "failed", "flaky", "passed", "skipped".
std::string_view outcome_name(const SubtestResult& result);
// "timeout: 'login:' did not come"; of a skip the reason alone.
std::string reason_of(const SubtestResult& result);
// The last line of the console that says something, without control sequences; or empty.
std::string last_line_of(const SubtestResult& result);
// The reason of a skip without what differs from test to test: a URL is "URL".
std::string kind_of_skip(const SubtestResult& result);

// "96 passed, 2 failed, 387 skipped", with "1 flaky, " before the failed ones if there is any.
std::string counts_text(std::span<const SubtestResult> results);

// The files of a run directory, for somebody to read: the regular files below the run directory,
// "console.log", "phase1/console.log", "try1/verdict.json", in order, without what lies in
// scratch/; symbolic links are not followed. What cannot be read of it is left out.
std::vector<std::string> run_files(const SubtestResult& result);
// Of these the logs, and the pictures that a browser can show, without those of the tries before
// the last one that failed.
std::vector<std::string> run_logs(const SubtestResult& result);
std::vector<std::string> run_pictures(const SubtestResult& result);

// The file, or its first quarter and the rest from its end, at most `limit` bytes in all, with a
// line in between that says so: guests write without end. Throws Error if it cannot be read.
std::string shortened_log(const std::string& path, std::size_t limit);

} // namespace qt
