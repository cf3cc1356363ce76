// Makes the payloads of a subtest that are not there, before its clock starts: by qt-fetch and
// qt-extract as processes, so that this program links neither network nor archives.
#pragma once

#include "base/substitute.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "os/file_lock.hh"
#include "tap/preparation.hh"
#include "tap/stage.hh"

#include <string>

namespace qt {

// How it went. A cause other than `pass` comes with a message: `skip` (unavailable now), `asset`
// (wrong or gone), `host`.
struct Prepared {
  Cause cause = Cause::pass;
  std::string message;
  std::vector<FileLock> holds; // while they live, nobody cleans the assets out of the cache
};

// Makes what is not there. `lookup` has the values for texts. Waits until the deadline, or the end
// of this program: look at `request` afterwards. What is not there at the deadline is unavailable.
Prepared prepare(const PreparationPlan& plan, const Lookup& lookup, Deadline deadline,
                 EndRequest& request, const LineSink& log);

} // namespace qt
