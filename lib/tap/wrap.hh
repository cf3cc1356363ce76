// Any command as a test of one result, in TAP: 0 is a pass, 77 a skip whose reason is the command's
// last line on stderr, anything else a failure. What the command writes goes to stderr.
#pragma once

#include "base/duration.hh"
#include "ipc/tap.hh"
#include "tap/stage.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

// Gives `tap` its only result. The command has the caller's stdin. `timeout`: as named
// (timeout_multiplier.hh). Never throws for what the command does or that it cannot be started.
void wrap_command(const std::string& name, const std::vector<std::string>& command,
                  std::optional<Duration> timeout, EndRequest& request, TapWriter& tap);

} // namespace qt
