// How long definitions took when they last ran, as "qt-report --durations FILE" writes it.
#pragma once

#include "base/duration.hh"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace qt {

// "ARCH/FILE" → all its subtests together.
using Durations = std::map<std::string, Duration, std::less<>>;

// Lines "ARCH/FILE SECONDS"; empty lines are none. Throws Error(ExitCode::usage) for the first that
// is something else or names a file again: "FILE:LINE: …".
Durations parse_durations(std::string_view text, const std::string& file);
// The same of a file; throws Error(ExitCode::usage), too, if it cannot be read.
Durations read_durations(const std::string& path);

} // namespace qt
