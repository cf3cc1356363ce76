// A QEMU that is started only to be asked something, and its monitor. One question at a time;
// events are passed over.
#pragma once

#include "duration.hh"
#include "error.hh"
#include "fd.hh"
#include "json.hh"
#include "process.hh"

#include <string>
#include <vector>

namespace qt {

class ProbeSession {
public:
  // Starts `program` on `machine`, stopped, without devices of its own choice, and waits for its
  // greeting. `limit` bounds the whole session. Here and in ask() and names(): Error "asking
  // PROGRAM …" if it cannot be started, does not speak or ends, with what it said;
  // Error(ExitCode::deadline) if it does not answer in time.
  ProbeSession(const std::string& program, const std::string& machine, Duration limit);

  // The reply, {"return": …} or {"error": …}.
  Json ask(const std::string& command, const Json& arguments = Json::object());
  // The names of a list of {"name": …} and their aliases, in order.
  std::vector<std::string> names(const std::string& command, const Json& arguments);
  const std::string& version() const { return m_version; }

private:
  Process start(const std::string& machine);
  Json read_line();
  Error failure(const std::string& what) const;

  std::string m_program;
  Deadline m_deadline;
  UniqueFd m_stderr;
  UniqueFd m_socket;
  Process m_process; // ended by its destructor
  std::string m_buffer;
  std::string m_version;
};

} // namespace qt
