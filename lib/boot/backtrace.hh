// Where the threads of a process stand: gdb, where it is installed, is asked about a process that
// hangs or about the core file that a crash has left. Its answer goes to a file of the run
// directory; where there can be none, reason() says why.
//
// Core files are the user's to turn on (ulimit -c) and the system's to place
// (/proc/sys/kernel/core_pattern, see core(5)): a core file that is found is moved beside the
// answer if that costs nothing.
//
// Works in the turns of an event loop. Bound: 10 s.
#pragma once

#include "os/event_loop.hh"
#include "os/process.hh"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace qt {

class Backtrace {
public:
  // `stem`: the answer goes to STEM.backtrace.txt, a core file to STEM.core. `bound`: of each.
  explicit Backtrace(EventLoop& loop, std::string stem, Duration bound = Duration(10'000));

  // Both replace what was asked before. A reason() is there at once if nothing could be started.
  void ask_about_process(pid_t pid);
  void ask_about_crash(pid_t pid, ExitStatus status, const std::string& program);

  bool running() const { return m_gdb.has_value(); }
  // Gives up; what there is of the answer stays.
  void cancel();

  // Path of the answer; empty if there is none.
  const std::string& path() const { return m_path; }
  // Why there is none; empty if there is one or nothing was asked.
  const std::string& reason() const { return m_reason; }

private:
  void start(const std::vector<std::string>& argv);
  void handle_end();
  void finish(const std::string& failure);

  EventLoop& m_loop;
  std::string m_stem;
  Duration m_bound;
  std::optional<Process> m_gdb;
  EventLoop::Registration m_end_watch;
  Timer m_timer;
  std::string m_path;
  std::string m_reason;
};

// The pattern of core(5) as a pattern of glob(3), absolute: what is known is filled in, the rest
// matches anything. Empty if cores go to a program instead (the pattern begins with "|").
std::string core_glob(std::string_view pattern, bool uses_pid, pid_t pid,
                      const std::string& directory);

} // namespace qt
