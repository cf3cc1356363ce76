// qt-boot --record: a person uses a machine, and a definition comes of it.
//
// The machine runs as ever (record_terminal.hh). What was said and typed becomes turns
// (recording.hh), and these become steps (script.hh). Then the definition is run without a person:
// first with its prompts only, so that it comes to its end whatever the lines before them say; what
// its console says then tells which lines come again. With these it is run as it stands, and again
// until it passes, without what made it fail, a few times at most.
#pragma once

#include "data/json.hh"

#include <string>
#include <vector>

namespace qt {

struct RecordRequest {
  std::string file;                   // the definition; must not be there yet
  Json machine = Json::object();      // by vm_keys(), in normal form
  std::vector<std::string> arguments; // QEMU's
  std::vector<std::string> run;       // options of qt-boot for the run itself
  std::string run_dir;                // empty: a new one
};

// Gives the exit status: 0 if the definition is there and has passed; 1 if it does not pass (it is
// kept and that is said) or nothing can be made of the recording; else what qt-boot ended with.
// Throws Error, with ExitCode::usage if there is no terminal or the file cannot be written.
int record(const RecordRequest& request);

} // namespace qt
