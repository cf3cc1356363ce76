#include "qemu/early_panic.hh"

#include <utility>

namespace qt {

void look_for_early_panic(OwnMonitor& monitor, AfterPanic after,
                          std::function<void(const Json& event)> found) {
  if (after == AfterPanic::ends) {
    monitor.ask("set-action", {{"panic", "shutdown"}}, {});
  }
  monitor.ask("query-status", Json::object(),
              [&monitor, after, found = std::move(found)](const Json& reply) {
                const Json* const status = json_at(reply, "/return/status");
                if (status == nullptr || *status != "guest-panicked") {
                  return;
                }
                const bool ends = after == AfterPanic::ends;
                if (found) {
                  found({{"event", "GUEST_PANICKED"},
                         {"data", {{"action", ends ? "poweroff" : "pause"}, {"early", true}}}});
                }
                if (ends) {
                  monitor.ask("quit", Json::object(), {});
                }
              });
}

} // namespace qt
