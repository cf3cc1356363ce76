// What a person sees of a subtest that failed, on stderr: the cause in one line, the text awaited,
// the last console lines, where the logs are, and the command that runs it again. Short, because
// Meson shows no more than the last hundred lines.
#pragma once

#include "tap/runner.hh"

#include <string>
#include <vector>

namespace qt {

// At most 60 lines, bytes as they are: to be escaped when they are written. The first is the cause.
// `again`: the command line that runs the subtest again.
std::vector<std::string> failure_lines(const std::string& name, const Outcome& outcome,
                                       const std::string& again);

} // namespace qt
