#include "qemu/early_panic.hh"

#include <utility>

namespace qt {

void look_for_early_panic(OwnMonitor& monitor, AfterPanic after,
                          std::function<void(const Json& event)> found) {
  if (after != AfterPanic::stays) {
    monitor.ask("set-action", {{"panic", after == AfterPanic::ends ? "shutdown" : "none"}}, {});
  }
  monitor.ask(
      "query-status", Json::object(),
      [&monitor, after, found = std::move(found)](const Json& reply) {
        const Json* const status = json_at(reply, "/return/status");
        if (status == nullptr || *status != "guest-panicked") {
          return;
        }
        const char* const action = after == AfterPanic::ends   ? "poweroff"
                                   : after == AfterPanic::runs ? "run"
                                                               : "pause";
        if (found) {
          found({{"event", "GUEST_PANICKED"}, {"data", {{"action", action}, {"early", true}}}});
        }
        if (after != AfterPanic::stays) {
          monitor.ask(after == AfterPanic::ends ? "quit" : "cont", Json::object(), {});
        }
      });
}

} // namespace qt
