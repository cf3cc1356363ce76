// What a machine looks like when it has run out of time, or has crashed. Asked on qt-boot's own
// monitor: its run state, the registers of its processors (VM.registers.txt in the run directory)
// and, if it has a display, a picture of it (VM.screen.png, or .ppm); 1 s at most. A QEMU that does
// not answer, or has no monitor, is looked at from outside, as a crash is (Backtrace). What cannot
// be had is left out.
//
// Works in the turns of an event loop; the owner calls advance() after each.
#pragma once

#include "data/json.hh"
#include "ipc/base_log.hh"
#include "os/event_loop.hh"
#include "os/process.hh"
#include "qemu/own_monitor.hh"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace qt {

// Where the threads of a process stand: gdb, where it is installed, is asked about a process that
// hangs or about the core file that a crash has left. Its answer goes to a file of the run
// directory; where there can be none, reason() says why.
//
// Core files are the user's to turn on (ulimit -c) and the system's to place
// (/proc/sys/kernel/core_pattern, see core(5)): a core file that is found is moved beside the
// answer if that costs nothing.
//
// Works in the turns of an event loop. Bound: 10 s.
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

class Evidence {
public:
  // `monitor`, `log` and `loop` must outlive the object.
  Evidence(const std::string& run_dir, const std::string& vm, std::optional<OwnMonitor>& monitor,
           BaseLog& log, EventLoop& loop)
    : m_stem(run_dir + "/" + vm)
    , m_monitor(monitor)
    , m_log(log)
    , m_patience(loop, [this] { give_up_monitor(); })
    , m_backtrace(loop, m_stem) {}

  // Of a QEMU that runs.
  void gather(pid_t qemu);
  // True once, after advance(): what gather() asks for is there or cannot be had; never after
  // cancel().
  bool take_gathered() { return std::exchange(m_gathered, false); }
  // Of a QEMU that was killed by a signal; `program` is its executable.
  void gather_of_crash(pid_t qemu, ExitStatus status, const std::string& program);

  bool busy() const { return m_gathering || m_backtrace.running(); }
  void advance();
  // There is no time left for it.
  void cancel();

  // For the verdict: "status" as query-status gives it; "registers", "screen" and "backtrace" as
  // paths; "no-backtrace" says why there is none.
  Json details() const;

private:
  using Answer = std::function<void(const Json& value)>;

  // `otherwise`: what is done if it cannot be had.
  void question(const std::string& command, const Json& arguments, Answer keep,
                std::function<void()> otherwise = {});
  void ask();
  void ask_for_picture();
  void give_up_monitor();

  std::string m_stem;
  std::optional<OwnMonitor>& m_monitor;
  BaseLog& m_log;
  pid_t m_qemu = -1;
  int m_open = 0;           // questions without answer
  Timer m_patience;         // with QEMU's monitor
  bool m_gathering = false; // of a live QEMU
  bool m_gathered = false;
  Json m_details = Json::object();
  Backtrace m_backtrace;
};

} // namespace qt
