// A person at a machine, with a recorder in between: qt-boot runs as ever, with pipes instead of a
// terminal, and what goes through them is written down.
//
// The keys are those of qt-boot: Ctrl-a x ends the machine, Ctrl-a a is one Ctrl-a, Ctrl-a h lists
// the keys. Ctrl-a c goes to the monitor, through the socket for viewers (boot/viewers.hh), and
// back: a line for the human monitor or a request in JSON. The console is shown there, too.
#pragma once

#include "record/recording.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

struct TerminalSession {
  std::vector<TerminalEvent> events; // with how it ended, unless qt-boot failed
  int status = 0;                    // of qt-boot
  std::optional<int> signal;         // that ended this program's wait
};

// `words`: the command line of a qt-boot without program, whose logs go to `run_dir`. Standard
// input and output must be a terminal, which is in raw mode meanwhile. Blocks until the machine has
// ended. Throws Error.
TerminalSession record_terminal(const std::vector<std::string>& words, const std::string& run_dir);

} // namespace qt
