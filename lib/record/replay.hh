// A recorded definition, run without a person: by qt-tap, as everybody will run it.
#pragma once

#include "ipc/verdict.hh"

#include <optional>
#include <string>

namespace qt {

struct Replay {
  bool passed = false;
  std::string console;            // all that it said
  std::optional<Verdict> verdict; // of the subtest
  std::string report;             // what qt-tap has printed
};

// Runs the only subtest of `definition` with this emulator; the logs go below `folder`, which is
// emptied. Blocks as long as the definition allows. Throws Error if qt-tap cannot be started.
Replay replay(const std::string& definition, const std::string& emulator,
              const std::string& folder);

// Checks it as `qt-tap --check` does: its complaints, or empty.
std::string check_definition(const std::string& definition);

} // namespace qt
