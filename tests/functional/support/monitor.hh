// QEMU's monitor for a program that a step has started: it inherits the channels of the chain's
// machines (run_dir.hh) and has the monitors for itself while it runs. Events are not looked at.
#pragma once

#include "qemu/qmp.hh"

#include <string>

namespace qt::support {

class Monitor {
public:
  // The machine called `vm`; empty: the only one. Throws Error(ExitCode::usage) if there is none or
  // it has no monitor.
  explicit Monitor(const std::string& vm = "");

  // What the reply to the command returns; waits for it as long as the step lasts. Throws Error for
  // an error reply, or if the monitor is closed.
  Json ask(const std::string& command, const Json& arguments = Json());

private:
  int m_fd = -1;
  std::string m_vm;
  Qmp m_qmp;
};

} // namespace qt::support
