// The kinds of steps, and sets of them as bits: how a key says in which steps it has a place.
#pragma once

#include <cstdint>

namespace qt {

// The kinds of steps: of the console, of the monitor and the machine, of the host.
// clang-format off
enum class StepType : unsigned {
  wait, wait_regex, line, send, interrupt, shell, tap,
  qmp, hmp, event, exit, quit, kill, running,
  run, file, fetch, tcp, sleep,
};
// clang-format on

constexpr std::uint32_t bit(StepType type) { return 1U << static_cast<unsigned>(type); }

// The set of these types.
template<typename... Types>
constexpr std::uint32_t in(Types... types) {
  return (bit(types) | ...);
}

inline constexpr std::uint32_t k_any_step = ~0U;
inline constexpr std::uint32_t k_typing =
    in(StepType::line, StepType::send, StepType::interrupt, StepType::shell);
inline constexpr std::uint32_t k_waiting =
    in(StepType::wait, StepType::wait_regex, StepType::interrupt, StepType::shell, StepType::tap);

// What a step cannot be done without.
constexpr bool needs_console(StepType type) { return type <= StepType::tap; }
constexpr bool needs_monitor(StepType type) {
  return (bit(type) & in(StepType::qmp, StepType::hmp, StepType::event)) != 0;
}
constexpr bool needs_machine(StepType type) { return type <= StepType::running; }

} // namespace qt
