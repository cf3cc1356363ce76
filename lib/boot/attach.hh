// Looking at a running machine from outside its test: a second view of its console and its monitor,
// through the socket that qt-boot has in the run directory (viewers.hh).
//
// On a terminal Ctrl-a is the escape key: c goes to the monitor (a line each) and back, t
// turns typing on and off, q ends a machine that is kept, x leaves the machine to itself. Elsewhere
// the console goes to standard output, until its end.
#pragma once

#include "ipc/run_dir.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

struct AttachOptions {
  std::string run_dir;
  std::optional<std::string> vm; // nothing: the only one that runs
  bool typing = false;           // from the start
};

// The names of the machines that run in this directory. Throws Error(ExitCode::absent) if none
// does.
std::vector<std::string> running_machines(const std::string& run_dir);

// Blocks until the machine ends or the user leaves. Gives the exit status. Throws Error.
int attach(const AttachOptions& options);

// Channels for a dialogue with all machines of the directory: console, typed on only by steps that
// type, and monitor. The caller owns the descriptors. Throws Error.
std::vector<VmChannels> attach_channels(const std::string& run_dir);

} // namespace qt
