// Where the transfers of a run stand, on a terminal: a line for each that is under way and one for
// all, redrawn in place several times a second. On anything else it is silent, and says nothing of
// what has ended: that is the caller's (fetch_report.hh).
//
// No colours, so NO_COLOR has nothing to forbid; no cursor control where TERM is "dumb" or unset.
#pragma once

#include "base/duration.hh"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace qt {

// Bytes per second of late: what came in the last seconds counts, what came before fades.
class Rate {
public:
  // What the counter stands at now. The first sample is where it starts, also after a step back.
  void sample(std::uint64_t bytes, Clock::time_point now);
  double bytes_per_second() const { return m_rate; }

private:
  bool m_begun = false;
  std::uint64_t m_bytes = 0;
  Clock::time_point m_at;
  double m_rate = 0;
};

// What is shown, without the showing.
class ProgressBoard {
public:
  // `names`: of all that is wanted, in any bytes.
  explicit ProgressBoard(std::vector<std::string> names);

  // Transfer `i` has `bytes` of `total` (0: unknown).
  void moved(std::size_t i, std::uint64_t bytes, std::uint64_t total);
  // No transfer any more, or never one: it was there.
  void finished(std::size_t i);
  // At most `rows` lines of at most `columns` characters, the total last; none if nothing is under
  // way.
  std::vector<std::string> lines(Clock::time_point now, std::size_t rows, std::size_t columns);

private:
  struct Transfer {
    std::uint64_t first = 0; // what was there before this run
    std::uint64_t bytes = 0;
    std::uint64_t total = 0;
    Rate rate;
  };
  std::string total_line() const;

  std::vector<std::string> m_names;
  std::map<std::size_t, Transfer> m_active;
  std::size_t m_finished = 0;
  std::uint64_t m_finished_bytes = 0; // that came in this run
  Rate m_rate;
};

// Draws a board on stderr if that is a terminal and messages are wanted. Messages of the program
// (log.hh) appear above it. Its functions may be called by any thread.
class Progress {
public:
  explicit Progress(std::vector<std::string> names);
  // Removes what is drawn.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void moved(std::size_t i, std::uint64_t bytes, std::uint64_t total);
  void finished(std::size_t i);

private:
  void draw_until_stopped();

  std::mutex m_mutex;
  std::condition_variable m_changed;
  ProgressBoard m_board;
  bool m_stopping = false;
  std::thread m_thread; // runs only on a terminal
};

} // namespace qt
