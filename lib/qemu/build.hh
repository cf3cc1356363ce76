// Asks an emulator whether it was built with something, and has the module if that is in one.
#pragma once

#include "base/duration.hh"
#include "schema/build_word.hh"

#include <string>

namespace qt {

// Starts the emulator. `limit` bounds that. Throws what Probe throws (probe.hh), also for an answer
// that is neither yes nor no. Not for what Probe knows by itself: a command, the sandbox.
bool ask_build(const std::string& program, Duration limit, const BuildWord& word);

} // namespace qt
