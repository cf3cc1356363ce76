// The files of a run directory, for somebody to read.
#pragma once

#include "report/results.hh"

#include <cstddef>
#include <string>
#include <vector>

namespace qt {

// The regular files below the run directory, "console.log", "phase1/console.log",
// "try1/verdict.json", in order, without what lies in scratch/; symbolic links are not followed.
// What cannot be read of it is left out.
std::vector<std::string> run_files(const SubtestResult& result);
// Of these the logs, and the pictures that a browser can show, without those of the tries before
// the last one that failed.
std::vector<std::string> run_logs(const SubtestResult& result);
std::vector<std::string> run_pictures(const SubtestResult& result);

// The file, or its first quarter and the rest from its end, at most `limit` bytes in all, with a
// line in between that says so: guests write without end. Throws Error if it cannot be read.
std::string shortened_log(const std::string& path, std::size_t limit);

} // namespace qt
