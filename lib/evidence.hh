// What a machine looks like when it has run out of time, asked on qt-boot's own monitor: its run
// state, the registers of its processors (VM.registers.txt in the run directory) and, if it has a
// display, a picture of it (VM.screen.ppm). What QEMU does not answer is left out.
#pragma once

#include "json.hh"
#include "own_monitor.hh"

#include <string>

namespace qt {

class Evidence {
public:
  Evidence(std::string run_dir, std::string vm)
    : m_run_dir(std::move(run_dir))
    , m_vm(std::move(vm)) {}

  // Sends the questions. The object must outlive the monitor, whose answers come later.
  void ask(OwnMonitor& monitor);
  bool complete() const { return m_open == 0; }
  // For the verdict: "status" as query-status gives it, "registers" and "screen" as paths.
  const Json& details() const { return m_details; }

private:
  std::string m_run_dir;
  std::string m_vm;
  int m_open = 0; // questions without answer
  Json m_details = Json::object();
};

} // namespace qt
