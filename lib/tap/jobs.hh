// The runs of subtests, one after the other or several at once, and as often as is asked for.
#pragma once

#include "base/duration.hh"
#include "tap/runner.hh"
#include "tap/selection.hh"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace qt {

// What came of one run of a subtest.
struct Result {
  Outcome outcome;
  std::string command; // that runs it again
  std::string hint;    // what to know besides; or empty
  Duration took = Duration(0);
};

// The results, made by threads if several are to run at once (--jobs). A thread waits for its
// children until they have ended: the kernel ends a child with the thread that started it.
class Jobs {
public:
  // All of `selected`, then all of them again, `rounds` times. Nothing is owned. With more than one
  // round each run has the time of its file for itself, and its run directory is used again by the
  // next one, unless it is of the first failure of this subtest, or of one of its checks, with this
  // cause. What is to be run again after a failure (settings.retries) is run when all have been run
  // once, so that it takes no time from others, and only if there is as much time left as it took.
  Jobs(const std::vector<Selected>& selected, std::size_t rounds, const RunSettings& settings,
       EndRequest& request);
  // If results were not taken (stdout is gone) the subtests that run are ended.
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // How many results there are to take.
  std::size_t count() const noexcept { return m_count; }
  // Waits for the next one, in order.
  Result take();
  // No further subtest is begun; those that run are waited for by the destructor.
  void stop();

private:
  // One of the results, until it is final.
  struct Attempt {
    std::size_t index = 0;
    Tries tries;
    Result result;               // of the last try
    Duration took = Duration(0); // all tries together
  };

  void work();
  // Runs one subtest once. False if there is none to be run now.
  bool step(int& folder);
  std::optional<Attempt> next();
  void run(Attempt& attempt, int& folder);
  bool is_run_again(const Attempt& attempt) const;
  // Empty if there is time for another try.
  std::string why_not_again(const Attempt& attempt) const;
  const TimeBudget& budget_of(const Selected& test) const;
  bool is_first_failure(std::size_t index, const Verdict& verdict);

  const std::vector<Selected>& m_selected;
  const std::size_t m_count;
  const RunSettings& m_settings;
  EndRequest& m_request;
  TimeBudget m_budget;
  std::map<const Definition*, TimeBudget> m_budgets;
  std::size_t m_taken = 0;
  std::atomic<std::size_t> m_next = 0;
  std::atomic<int> m_folders = 0; // numbers of run directories that are in use, or kept
  int m_folder = 0;               // in use where there are no threads
  std::mutex m_mutex;
  std::condition_variable m_ready;
  std::map<std::size_t, Result> m_results; // not taken yet
  // Of each subtest that has failed its checks (empty: the whole), and with which cause.
  std::map<std::size_t, std::set<std::pair<std::string, Cause>>> m_failed;
  std::deque<Attempt> m_again; // to be run again
  std::vector<std::thread> m_threads;
};

} // namespace qt
