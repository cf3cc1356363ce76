// poll(2) that notices when this program was stopped meanwhile: by Ctrl-Z, by SIGSTOP, by a host
// that had no time for it. What has come by then is to be looked at before anything is late, and
// the span counts for no deadline: what was not there to look cannot be late.
//
// A stop cannot be seen from inside. So no sleep before a deadline is longer than 500 ms, and one
// that has lasted for over a second was no sleep; shorter stops count as ordinary time. A host that
// is suspended needs none of this: the monotonic clock stands still with it.
#pragma once

#include "os/event_loop.hh"

#include <poll.h>
#include <span>

namespace qt {

struct Polled {
  int ready = 0;       // as poll(2) says; 0 also for no reason; -1 with errno
  Duration stopped{0}; // for so long this program did not run
};

// Waits until there is news, or `deadline` passes, or for 500 ms; without a deadline for as long as
// nothing comes, and then it notices no stop.
Polled patient_poll(std::span<pollfd> entries, Deadline deadline);

} // namespace qt
