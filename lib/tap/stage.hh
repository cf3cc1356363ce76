// One stage of a test: a program that runs to its end, a deadline passes, or this program is asked
// to end. What it writes is foreign: it is handed on line by line, never into this program's
// stdout.
#pragma once

#include "base/duration.hh"
#include "ipc/verdict.hh"
#include "os/process.hh"
#include "os/termination.hh"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// Whether this program has been asked to end. Make one, before any thread; all threads may ask it.
class EndRequest {
public:
  EndRequest();
  // Takes the signals that have come: they do not end this program any more.
  ~EndRequest();
  EndRequest(const EndRequest&) = delete;
  EndRequest& operator=(const EndRequest&) = delete;

  // Readable once a signal has come; stays so, for everyone who waits.
  int fd() const noexcept { return m_signals.fd(); }
  // The signal that came; stays. SIGPIPE once a stage has found that nobody reads this program's
  // results any more. Never blocks.
  std::optional<int> received() const;

  // Standard output if it is a pipe, else -1. Its reader may be gone without a signal to us: a
  // Meson that was killed.
  int results() const noexcept { return m_results; }
  void note_reader_gone() noexcept { m_reader_gone = true; }

private:
  TerminationSignals m_signals;
  int m_results;
  std::atomic<bool> m_reader_gone = false;
};

struct StageEnd {
  enum class By {
    itself,
    deadline, // it was ended because its deadline passed
    signal,   // it was ended because this program is to end
  };
  By by = By::itself;
  ExitStatus status{};
  // The last lines of what it wrote, at most 40, and of that on stderr the very last.
  std::vector<std::string> last_lines;
  std::string last_error_line;
};

// Called with each line, without its end, as soon as it is whole.
using LineSink = std::function<void(std::string_view line)>;

// Starts argv with /dev/null as stdin and pipes for stdout and stderr, where `options` does not say
// otherwise, and waits. To end it: SIGTERM, and SIGKILL after a grace that keeps this program's own
// end within 350 ms after a signal. Does not wait for a grandchild that keeps the pipes open.
// Errors as Process::spawn().
StageEnd run_stage(const std::vector<std::string>& argv, SpawnOptions options, Deadline deadline,
                   EndRequest& request, const LineSink& sink);

Verdict verdict_of(Cause cause, const std::string& message);

// This program has been asked to end.
Verdict ended_by(const EndRequest& request);

// Of a stage that did not end well: whoever decided has left a verdict in `run_dir`; where nobody
// could, the way in which the stage ended says what there is to say.
Verdict stage_verdict(const std::string& run_dir, const StageEnd& end, const EndRequest& request);

} // namespace qt
