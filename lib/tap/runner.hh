// Runs one subtest: conditions, folders, payloads, then its phases one command line after the
// other, and says how it ended. Everything is left in the run directory (run_dir.hh); nothing goes
// to stdout or, unless asked for, to stderr.
#pragma once

#include "ipc/run_dir.hh"
#include "tap/scene.hh"
#include "tap/stage.hh"
#include "tap/time_budget.hh"
#include "tap/tries.hh"

#include <string>
#include <vector>

namespace qt {

struct Outcome {
  Verdict verdict;      // cause `skip`: the message is the reason
  bool begun = true;    // false: there was no time for it, or this program is to end
  std::string run_dir;  // empty if there is none
  std::string emulator; // path of the main one; empty if there is none
  // Of the stage that failed, empty if none did: the folder of its phase, its last words.
  std::string log_dir;
  std::vector<std::string> said;
};

// Never throws: what goes wrong here is an outcome with the cause `host`. `tries`: those before, of
// the same subtest with the same settings; this one is added. Their directory is this one's, too.
Outcome run_subtest(const Definition& definition, const Subtest& subtest,
                    const RunSettings& settings, TimeBudget& budget, EndRequest& request,
                    Tries& tries) noexcept;

} // namespace qt
