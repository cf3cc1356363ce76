// A subtest that failed and is run again (--retries): for which failures that is done, and what the
// tries come to together. Tests of real boots fail for the host's sake, too, and a person who asks
// for tries wants to see these apart from what QEMU did wrong: a subtest that passed only when it
// was run again is flaky, never a plain pass.
#pragma once

#include "ipc/verdict.hh"
#include "tap/run_directory.hh"
#include "tap/run_options.hh"

#include <optional>
#include <span>
#include <vector>

namespace qt {

// What is kept from one try of a subtest to the next. The run directory stays locked; the logs of
// each try but the last are in a folder of it, try_folder().
struct Tries {
  std::optional<RunDirectory> directory;
  std::vector<Verdict> verdicts; // of each, as it was by itself
};

// Whether a try that ended so is followed by another one: it failed, and where only causes that can
// be the host's count, it and all its failed checks have such a cause.
bool asks_for_retry(const Verdict& verdict, Retried retried);

// Makes the verdict of the last of `tries` that of all of them, for the whole and for each check:
// a pass after a failure is `flaky`; a failure says how many tries failed; a skip after a failure
// is that failure, since it says nothing against it.
void note_tries(Verdict& verdict, std::span<const Verdict> tries);

} // namespace qt
