#include "guest_event.hh"

#include "format.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

std::string text_in(const Json& event, const char* key) {
  const Json* const text = json_at(event, format("/data/{}", key));
  return text != nullptr && text->is_string() ? text->get<std::string>() : "";
}

bool flag_in(const Json& event, const char* key) {
  const Json* const flag = json_at(event, format("/data/{}", key));
  return flag != nullptr && *flag == true;
}

GuestFinding of_shutdown(const Json& event) {
  const std::string reason = text_in(event, "reason");
  if (reason == "guest-panic") {
    return {Cause::guest_panic, "the guest panicked"};
  }
  if (reason == "guest-reset") {
    return {Cause::guest_reset, "the guest reset, which ends this machine"};
  }
  if (reason == "guest-shutdown") {
    return {std::nullopt, "the guest shut down"};
  }
  if (reason == "host-signal") {
    return {Cause::host, "a signal from outside ended QEMU"};
  }
  if (reason == "host-error") {
    return {Cause::host, "an error of the host ended QEMU"};
  }
  return {std::nullopt, format("shutdown, {}", reason)};
}

GuestFinding of_watchdog(const Json& event) {
  const std::string action = text_in(event, "action");
  const bool ends = action == "reset" || action == "shutdown" || action == "poweroff";
  return {ends ? std::optional(Cause::guest_reset) : std::nullopt,
          format("a watchdog fired (action {})", action)};
}

GuestFinding of_memory(const Json& event) {
  return {std::nullopt, format("a memory failure was reported ({}, action {})",
                               text_in(event, "recipient"), text_in(event, "action"))};
}

// The machine has been stopped and not been resumed.
bool stands_still(const std::vector<Json>& events) {
  const auto last = std::find_if(events.rbegin(), events.rend(), [](const Json& event) {
    return event["event"] == "STOP" || event["event"] == "RESUME";
  });
  return last != events.rend() && (*last)["event"] == "STOP";
}

std::optional<GuestFinding> of_resets(const std::vector<Json>& events, std::size_t since) {
  const auto count = std::count_if(
      events.begin() + static_cast<std::ptrdiff_t>(std::min(since, events.size())), events.end(),
      [](const Json& event) { return event["event"] == "RESET" && flag_in(event, "guest"); });
  return count == 0 ? std::nullopt
                    : std::optional(GuestFinding{
                          Cause::guest_reset,
                          count == 1 ? "the guest reset meanwhile"
                                     : format("the guest reset {} times meanwhile", count)});
}

} // namespace

bool is_noted_event(std::string_view name) {
  constexpr std::array<std::string_view, 9> k_noted = {
      "GUEST_PANICKED", "GUEST_CRASHLOADED", "SHUTDOWN", "RESET", "WATCHDOG",
      "BLOCK_IO_ERROR", "MEMORY_FAILURE",    "STOP",     "RESUME"};
  return std::find(k_noted.begin(), k_noted.end(), name) != k_noted.end();
}

std::optional<GuestFinding> failure_at_once(const Json& event) {
  const Json& name = event["event"];
  if (name == "GUEST_PANICKED") {
    return GuestFinding{Cause::guest_panic, "the guest panicked"};
  }
  if (name == "GUEST_CRASHLOADED") {
    return GuestFinding{Cause::guest_panic, "the guest panicked and loads its crash kernel"};
  }
  if (name == "BLOCK_IO_ERROR" && text_in(event, "action") == "stop") {
    const std::string device = text_in(event, "device");
    return GuestFinding{Cause::host, format("the machine stands still: {} error on {}: {}",
                                            text_in(event, "operation"),
                                            device.empty() ? text_in(event, "node-name") : device,
                                            text_in(event, "reason"))};
  }
  return std::nullopt;
}

std::optional<GuestFinding> explanation(const std::vector<Json>& events, std::size_t since) {
  for (const Json& event : events) {
    if (auto finding = failure_at_once(event)) {
      return finding;
    }
  }
  std::optional<GuestFinding> found = of_resets(events, since);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Json& name = events[i]["event"];
    std::optional<GuestFinding> finding;
    if (name == "SHUTDOWN") {
      finding = of_shutdown(events[i]);
    } else if (name == "WATCHDOG" && i >= since) {
      finding = of_watchdog(events[i]);
    } else if (name == "MEMORY_FAILURE") {
      finding = of_memory(events[i]);
    }
    if (finding && (!found || (finding->cause && !found->cause) || name == "WATCHDOG")) {
      found = std::move(finding);
    }
  }
  if (!found && stands_still(events)) {
    return GuestFinding{std::nullopt, "the machine was stopped and not resumed"};
  }
  return found;
}

} // namespace qt
