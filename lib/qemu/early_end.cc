#include "qemu/early_end.hh"

#include <utility>

namespace qt {

void EarlyEnd::look(Found found) {
  m_monitor.ask("query-status", Json::object(),
                [this, found = std::move(found)](const Json& reply) {
                  take_status(json_text(json_member(reply, "return"), "status"), found);
                });
  Json actions = Json::object();
  if (m_panic != AfterPanic::stays) {
    actions["panic"] = m_panic == AfterPanic::ends ? "shutdown" : "none";
  }
  if (m_shutdown != AfterShutdown::stays) {
    actions["shutdown"] = "poweroff";
  }
  if (!actions.empty()) {
    ++m_changes;
    m_monitor.ask("set-action", actions, [this](const Json&) {
      if (--m_changes == 0) {
        release();
      }
    });
  }
}

void EarlyEnd::let_panics_end() {
  if (std::exchange(m_panic, AfterPanic::ends) == AfterPanic::stays) {
    look({});
  }
}

void EarlyEnd::take_status(const std::string& status, const Found& found) {
  if (status == "guest-panicked") {
    m_standing = Standing::panicked;
    const char* const action = m_panic == AfterPanic::ends   ? "poweroff"
                               : m_panic == AfterPanic::runs ? "run"
                                                             : "pause";
    if (found) {
      found({{"event", "GUEST_PANICKED"}, {"data", {{"action", action}, {"early", true}}}});
    }
  } else if (status == "shutdown" && m_shutdown == AfterShutdown::ends) {
    m_standing = Standing::shut_down;
    if (found && !m_shutdown_told) {
      found({{"event", "SHUTDOWN"}, {"data", {{"early", true}}}});
    }
  }
}

// Between the question and the change of the actions the machine may have stopped as well. A
// shutdown that stops it is followed by STOP; one that ends QEMU is not.
void EarlyEnd::note(const Json& event) {
  if (m_changes == 0) {
    return;
  }
  const std::string name = json_text(event, "event");
  if (name == "SHUTDOWN") {
    m_shutdown_told = true;
  } else if (name == "STOP" && m_shutdown_told) {
    m_standing = Standing::shut_down;
  } else if (name == "GUEST_PANICKED" &&
             json_text(json_member(event, "data"), "action") == "pause") {
    m_standing = Standing::panicked;
  }
}

void EarlyEnd::release() {
  const Standing standing = std::exchange(m_standing, Standing::no);
  if (standing == Standing::panicked && m_panic == AfterPanic::runs) {
    m_monitor.ask("cont", Json::object(), {});
  } else if ((standing == Standing::panicked && m_panic == AfterPanic::ends) ||
             (standing == Standing::shut_down && m_shutdown == AfterShutdown::ends)) {
    m_monitor.ask("quit", Json::object(), {});
  }
}

} // namespace qt
