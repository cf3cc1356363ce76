// Whether the daemons beside a machine are ready for QEMU, told from outside, so that nobody has to
// change a daemon for it and no connection is made: some serve only the first that comes.
//   unix:PATH   a socket of exactly this path listens (/proc/net/unix)
//   tcp:PORT    a socket of this host listens on the port (/proc/net/tcp, tcp6)
//   log:TEXT    TEXT is in what one of the daemons has written
#pragma once

#include "base/duration.hh"

#include <functional>
#include <string>
#include <vector>

namespace qt {

// `logs`: the files that the daemons write to. Throws Error(ExitCode::usage) if `condition` is none
// of the above.
bool is_ready(const std::string& condition, const std::vector<std::string>& logs);

// Waits until all conditions hold, or `interrupt` is readable. Throws Error(ExitCode::failed) with
// the last words of the logs if `dead` says that a daemon has ended, or at the deadline.
void await_ready(const std::vector<std::string>& conditions, const std::vector<std::string>& logs,
                 const std::function<std::string()>& dead, Deadline deadline, int interrupt);

} // namespace qt
