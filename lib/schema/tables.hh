// The one vocabulary: the kinds of steps and the tables of keys, which are the keys of definitions
// and the options of the programs at once. A new key or step is a row here. Sets of kinds are bits:
// how a key says in which steps it has a place.
#pragma once

#include "schema/key.hh"

#include <cstdint>
#include <span>
#include <string_view>

namespace qt {

// The kinds of steps, and sets of them as bits: how a key says in which steps it has a place. Of
// the console, of the monitor and the machine, of the host.
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

// The keys that name a step, in the order of StepType; keys[n].steps is just bit n.
std::span<const Key> step_type_keys();
// The keys that modify a step. The same name may stand twice with other steps and another type
// ("until": a text for interrupt, a table for qmp, a regular expression for hmp).
std::span<const Key> step_modifier_keys();
// What may stand before the first step of a dialogue: a total deadline, failure texts, defaults.
std::span<const Key> dialogue_keys();
// The names of those that stand in a test of a definition.
std::span<const std::string_view> test_dialogue_keys();
// [test.N] or [test.N.vm.NAME]: the machine. The options of qt-boot.
std::span<const Key> vm_keys();
// [file.N]: the options of qt-extract, and the keys "from", "text" and "name" of definitions.
std::span<const Key> file_keys();
// [asset.N].
std::span<const Key> asset_keys();
// requires = { … }.
std::span<const Key> requires_keys();

// The step key, naming or modifying, that `name` is in a step of `type`; nullptr if it has no place
// there.
const Key* find_step_key(StepType type, std::string_view name);

} // namespace qt
