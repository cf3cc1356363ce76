// A QEMU that runs nothing and is asked questions on its monitor. One question at a time; events
// are not looked at. Ended with the object.
#pragma once

#include "base/duration.hh"
#include "base/error.hh"
#include "os/fd.hh"
#include "os/process.hh"
#include "qemu/qmp.hh"

#include <string>
#include <vector>

namespace qt {

// Arguments for nothing but this machine, which also an emulator takes that was built for KVM alone
// where there is no KVM.
std::vector<std::string> only_machine(const std::string& machine = "none");

class IdleEmulator {
public:
  // Starts `program` with these arguments besides -nodefaults, -display none, -S and the monitor.
  // `limit` bounds its whole life. Throws Error if it cannot be started.
  IdleEmulator(const std::string& program, const std::vector<std::string>& arguments,
               Duration limit);

  // The reply, {"return": …} or {"error": …}. A program that cannot begin because the host is short
  // of locked memory for a moment (machine.hh) is started again. Throws Error "asking PROGRAM …" if
  // the program does not speak or ends, with what it said last; with ExitCode::deadline if it does
  // not answer in time.
  Json ask(const std::string& command, const Json& arguments = Json::object());
  // What the reply returns. Throws Error for an error reply, too.
  Json need(const std::string& command, const Json& arguments = Json::object());

private:
  Process start();
  Json ask_once(const std::string& command, const Json& arguments);
  void read_more();
  std::string said() const;
  Error failure(const std::string& what) const;

  std::string m_program;
  std::vector<std::string> m_arguments;
  Deadline m_deadline;
  UniqueFd m_stderr;
  UniqueFd m_socket;
  Qmp m_qmp;
  Process m_process; // ended by its destructor
};

} // namespace qt
