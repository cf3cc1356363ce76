// The daemons beside a machine: started before QEMU, expected to live as long as it does, ended
// after it. What they say is logged in the turns of an event loop, in which their end is noticed,
// too.
//
// Whether they are ready for QEMU is told from outside, so that nobody has to change a daemon for
// it and no connection is made: some serve only the first that comes.
//   unix:PATH   a socket of exactly this path listens (/proc/net/unix)
//   tcp:PORT    a socket of this host listens on the port (/proc/net/tcp, tcp6)
//   log:TEXT    TEXT is in what one of the daemons has written
#pragma once

#include "ipc/base_log.hh"
#include "os/bounded_log.hh"
#include "os/event_loop.hh"
#include "os/process.hh"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace qt {

struct Service {
  std::string name; // for messages
  Process process;
  std::unique_ptr<LoggedOutput> output;
};

class Services {
public:
  // `log` must outlive the object.
  Services(std::vector<Service> services, BaseLog& log)
    : m_services(std::move(services))
    , m_log(log) {}

  // The object must stay where it is from now on. While `needed` says so, the end of a daemon
  // counts as failure() unless QEMU ends by itself within half a second: a daemon may see QEMU's
  // end before we do.
  void register_with(EventLoop& loop, std::function<bool()> needed);
  void qemu_ended_by_itself();

  Deadline deadline() const { return m_deadline; }
  // True once, when a daemon's end has become a failure of the run.
  bool take_failed();
  // Says which daemon ended and how; empty if none did.
  const std::string& failure() const { return m_failure; }

  // SIGTERM to all, SIGKILL to those that are still there at the deadline. What they say until then
  // is logged. Throws Error if a log cannot be written.
  void end(Deadline deadline);

private:
  void check();

  std::vector<Service> m_services;
  BaseLog& m_log;
  std::string m_failure;
  Deadline m_deadline = Deadline::never();
  std::function<bool()> m_needed;
  std::vector<EventLoop::Registration> m_watched;
};

// `logs`: the files that the daemons write to. Throws Error(ExitCode::usage) if `condition` is none
// of the above.
bool is_ready(const std::string& condition, const std::vector<std::string>& logs);

// Waits until all conditions hold, or `interrupt` is readable. Throws Error(ExitCode::failed) with
// the last words of the logs if `dead` says that a daemon has ended, or at the deadline.
void await_ready(const std::vector<std::string>& conditions, const std::vector<std::string>& logs,
                 const std::function<std::string()>& dead, Deadline deadline, int interrupt);

} // namespace qt
