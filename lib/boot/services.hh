// The daemons beside a machine: started before QEMU, expected to live as long as it does, ended
// after it.
//
// Passive: the owner polls add_polls() and add_output_polls() or waits for deadline(), then calls
// check() and handle_output().
#pragma once

#include "ipc/base_log.hh"
#include "os/logged_output.hh"
#include "os/process.hh"

#include <memory>
#include <poll.h>
#include <span>
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

  void add_polls(std::vector<pollfd>& polled) const;
  void add_output_polls(std::vector<pollfd>& polled) const;
  // `polled`: the entries that add_output_polls() has added, with what poll(2) has found.
  void handle_output(std::span<const pollfd> polled);
  // Looks whether one has ended. That counts as failure() unless QEMU ends within half a second:
  // a daemon may see QEMU's end before we do.
  void check();
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
  std::vector<Service> m_services;
  BaseLog& m_log;
  std::string m_failure;
  Deadline m_deadline = Deadline::never();
};

} // namespace qt
