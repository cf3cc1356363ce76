// QEMU under gdb at the user's terminal.
#pragma once

#include <string>
#include <vector>

namespace qt {

// The command line that runs `argv` under gdb, which waits for "run". It ends when the program has
// ended, as that did; Ctrl-C is for gdb and the program only. It needs a terminal as its standard
// input. Throws Error(ExitCode::not_found) if there is no gdb.
std::vector<std::string> under_gdb(const std::vector<std::string>& argv);

} // namespace qt
