// What a machine looks like when it has run out of time, or has crashed. Asked on qt-boot's own
// monitor: its run state, the registers of its processors (VM.registers.txt in the run directory)
// and, if it has a display, a picture of it (VM.screen.png, or .ppm); 1 s at most. A QEMU that does
// not answer, or has no monitor, is looked at from outside, as a crash is (backtrace.hh). What
// cannot be had is left out.
//
// Works in the turns of an event loop; the owner calls advance() after each.
#pragma once

#include "boot/backtrace.hh"
#include "data/json.hh"
#include "ipc/base_log.hh"
#include "qemu/own_monitor.hh"

#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace qt {

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
