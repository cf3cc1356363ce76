// The files of a run directory.
#pragma once

#include "report/results.hh"

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

} // namespace qt
