// Runs one subtest: conditions, folders, payloads, then its phases one command line after the
// other, and says how it ended. Everything is left in the run directory (run_dir.hh), which nobody
// else uses meanwhile; nothing goes to stdout or, unless asked for, to stderr.
//
// A subtest that failed may be run again (--retries). Tests of real boots fail for the host's sake,
// too, and a person who asks for tries wants to see these apart from what QEMU did wrong: a subtest
// that passed only when it was run again is flaky, never a plain pass.
#pragma once

#include "ipc/run_dir.hh"
#include "ipc/verdict.hh"
#include "os/file_lock.hh"
#include "tap/run_options.hh"
#include "tap/scene.hh"
#include "tap/stage.hh"
#include "tap/time_budget.hh"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace qt {

// A run directory that no other process uses at the same time, nor has used for the same repeater,
// which the lock's file names. It need not be there yet.
class RunDirectory {
public:
  // The folder `wanted`, or `wanted`.2, .3, … if that is in use. Throws Error.
  RunDirectory(const std::string& wanted, const std::string& repeater);

  const std::string& path() const noexcept { return m_path; }

private:
  std::string m_path;
  std::optional<FileLock> m_lock;
};

// Removes what the repetitions of an earlier run have left (repetitions_of()), where nobody uses
// it: they are no results of the run that begins. Throws Error.
void remove_repetitions(const std::string& wanted);

// Puts what is in the run directory, but for tries set aside before, into the folder of the try
// `number`, as "try1". Throws Error.
void set_try_aside(const std::string& run_dir, std::size_t number);

// What is kept from one try of a subtest to the next. The run directory stays locked; the logs of
// each try but the last are in folders of it, "try1", "try2", ….
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
