// The daemons beside a machine: started before QEMU, expected to live as long as it does, ended
// after it. What they say is logged in the turns of an event loop, in which their end is noticed,
// too.
#pragma once

#include "ipc/base_log.hh"
#include "os/event_loop.hh"
#include "os/logged_output.hh"
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
  // counts as failure() unless QEMU ends within half a second: a daemon may see QEMU's end before
  // we do.
  void register_with(EventLoop& loop, std::function<bool()> needed);
  // QEMU has ended: what a daemon does now is its own affair.
  void qemu_ended();

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

} // namespace qt
