#include "qemu/early_end.hh"

#include <utility>

namespace qt {

namespace {

const char* action_name(AfterPanic panic) {
  switch (panic) {
  case AfterPanic::ends:
    return "poweroff";
  case AfterPanic::runs:
    return "run";
  case AfterPanic::stays:
    break;
  }
  return "pause";
}

} // namespace

void EarlyEnd::look(Told found, std::function<void()> settled) {
  m_found = std::move(found);
  m_settled = std::move(settled);
  m_panic_told = false;
  m_shutdown_told = false;
  Json actions = Json::object();
  if (m_panic != AfterPanic::stays) {
    actions["panic"] = m_panic == AfterPanic::ends ? "shutdown" : "none";
  }
  if (m_shutdown != AfterShutdown::stays) {
    actions["shutdown"] = "poweroff";
  }
  ask(actions);
}

void EarlyEnd::let_panics_end() {
  if (std::exchange(m_panic, AfterPanic::ends) == AfterPanic::stays) {
    ask({{"panic", "shutdown"}});
  }
}

void EarlyEnd::ask(const Json& actions) {
  ++m_open;
  const bool changes = !actions.empty();
  m_monitor.ask("query-status", Json::object(), [this, changes](const Json& reply) {
    take_status(json_text(json_member(reply, "return"), "status"));
    if (!changes) {
      release();
    }
  });
  if (changes) {
    m_monitor.ask("set-action", actions, [this](const Json&) { release(); });
  }
}

void EarlyEnd::take_status(const std::string& status) {
  if (status == "guest-panicked") {
    m_standing = Standing::panicked;
    if (!std::exchange(m_panic_told, true)) {
      m_found({{"event", "GUEST_PANICKED"},
               {"data", {{"action", action_name(m_panic)}, {"early", true}}}});
    }
  } else if (status == "shutdown") {
    m_standing = Standing::shut_down;
    if (!std::exchange(m_shutdown_told, true)) {
      m_found({{"event", "SHUTDOWN"}, {"data", {{"guest", true}, {"early", true}}}});
      if (m_shutdown == AfterShutdown::stays) {
        m_found({{"event", "STOP"}, {"data", {{"early", true}}}});
      }
    }
  }
}

// Between the question and the change of the actions the machine may have ended as well. That is
// so for a shutdown only until the machine is settled.
void EarlyEnd::note(const Json& event) {
  const std::string name = json_text(event, "event");
  const Json& data = json_member(event, "data");
  m_panic_told = m_panic_told || name == "GUEST_PANICKED";
  m_shutdown_told = m_shutdown_told || name == "SHUTDOWN";
  if (m_open == 0) {
    return;
  }
  if (name == "SHUTDOWN") {
    const std::string reason = json_text(data, "reason");
    const bool is_told_to = reason == "host-signal" || reason == "host-qmp-quit"; // and does
    const bool is_kept = m_settled && !is_told_to;
    m_standing = is_kept ? Standing::shut_down : m_standing;
  } else if (name == "GUEST_PANICKED" && json_text(data, "action") == "pause") {
    m_standing = Standing::panicked;
  }
}

void EarlyEnd::release() {
  if (--m_open > 0) {
    return;
  }
  const Standing standing = std::exchange(m_standing, Standing::no);
  if ((standing == Standing::panicked && m_panic == AfterPanic::ends) ||
      (standing == Standing::shut_down && m_shutdown == AfterShutdown::ends)) {
    m_monitor.quit();
    return;
  }
  if (standing == Standing::panicked && m_panic == AfterPanic::runs) {
    m_monitor.ask("cont", Json::object(), {});
  }
  if (const auto settled = std::exchange(m_settled, {})) {
    settled();
  }
}

} // namespace qt
