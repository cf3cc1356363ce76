#include "qemu/guest_event.hh"

#include "base/format.hh"

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

GuestFinding of_shutdown(const Json& event, int status) {
  const std::string reason = text_in(event, "reason");
  if (reason == "guest-panic" && status > 0) { // sifive_test, since QEMU 9.0
    return {std::nullopt, "the guest shut down with a status of its own"};
  }
  if (reason == "guest-panic") {
    return {Cause::guest_panic, "the guest panicked"};
  }
  if (reason == "guest-reset") {
    return {Cause::guest_reset, "the guest reset, which ends this machine"};
  }
  if (reason == "guest-shutdown") {
    return {std::nullopt, "the guest shut down"};
  }
  if (reason.empty()) { // it was found by asking (early_end.hh)
    return {std::nullopt, "the guest shut down or reset before the monitor was ready"};
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
  const std::string action = text_in(event, "action");
  return {
      action == "reset" ? std::optional(Cause::guest_reset) : std::nullopt,
      format("a memory failure was reported ({}, action {})", text_in(event, "recipient"), action)};
}

// s390x tells more: why the processor stands still, and where.
std::string panic_text(const Json& event) {
  const std::string reason = text_in(event, "info/reason");
  const Json* const address = json_at(event, "/data/info/psw-addr");
  return reason.empty() || address == nullptr || !address->is_number_integer()
             ? "the guest panicked"
             : format("the guest panicked ({} at {:#x})", reason, address->get<std::uint64_t>());
}

std::string disk_error_text(const Json& event) {
  const std::string device = text_in(event, "device");
  const std::string path = text_in(event, "qom-path"); // since QEMU 9.2
  return format("the machine stands still: {} error on {}{}: {}", text_in(event, "operation"),
                device.empty() ? text_in(event, "node-name") : device,
                path.empty() ? "" : format(" ({})", path), text_in(event, "reason"));
}

// The machine has been stopped and not been resumed.
bool stands_still(const std::vector<Json>& events) {
  const auto last = std::find_if(events.rbegin(), events.rend(), [](const Json& event) {
    const std::string name = json_text(event, "event");
    return name == "STOP" || name == "RESUME";
  });
  return last != events.rend() && json_text(*last, "event") == "STOP";
}

std::optional<GuestFinding> of_resets(const std::vector<Json>& events, std::size_t since) {
  const auto count =
      std::count_if(events.begin() + static_cast<std::ptrdiff_t>(std::min(since, events.size())),
                    events.end(), [](const Json& event) {
                      return json_text(event, "event") == "RESET" && flag_in(event, "guest");
                    });
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

bool is_panic_event(std::string_view name) {
  return name == "GUEST_PANICKED" || name == "GUEST_CRASHLOADED";
}

std::size_t count_panics(const std::vector<Json>& events) {
  std::size_t count = 0;
  for (const Json& event : events) {
    const bool told_before = count > 0 && flag_in(event, "early");
    count += is_panic_event(json_text(event, "event")) && !told_before ? 1 : 0;
  }
  return count;
}

void NoticeOfEnd::note(const Json& event) {
  const std::string name = json_text(event, "event");
  if (name == "GUEST_PANICKED") {
    m_panicked = m_panicked || text_in(event, "action") == "poweroff";
  } else if (name == "SHUTDOWN") {
    m_shutdown = Shutdown::ends;
  } else if (name == "STOP" && m_shutdown == Shutdown::ends) {
    m_shutdown = Shutdown::stopped;
  }
}

std::optional<GuestFinding> failure_at_once(const Json& event) {
  const std::string name = json_text(event, "event");
  if (name == "GUEST_PANICKED") {
    return GuestFinding{Cause::guest_panic, panic_text(event)};
  }
  if (name == "GUEST_CRASHLOADED") {
    return GuestFinding{Cause::guest_panic, "the guest panicked and loads its crash kernel"};
  }
  if (name == "BLOCK_IO_ERROR" && text_in(event, "action") == "stop") {
    return GuestFinding{Cause::host, disk_error_text(event)};
  }
  return std::nullopt;
}

std::optional<GuestFinding> explanation(const std::vector<Json>& events, std::size_t since,
                                        int status) {
  for (const Json& event : events) {
    if (auto finding = failure_at_once(event)) {
      return finding;
    }
  }
  std::optional<GuestFinding> found = of_resets(events, since);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::string name = json_text(events[i], "event");
    std::optional<GuestFinding> finding;
    if (name == "SHUTDOWN") {
      finding = of_shutdown(events[i], status);
    } else if (name == "WATCHDOG" && i >= since) {
      finding = of_watchdog(events[i]);
    } else if (name == "MEMORY_FAILURE") {
      finding = of_memory(events[i]);
    }
    const bool is_root = name == "WATCHDOG" || name == "MEMORY_FAILURE"; // of what came with it
    if (finding &&
        (!found || (finding->cause && (is_root || !found->cause)) || (is_root && !found->cause))) {
      found = std::move(finding);
    }
  }
  if (!found && stands_still(events)) {
    return GuestFinding{std::nullopt, "the machine was stopped and not resumed"};
  }
  return found;
}

} // namespace qt
