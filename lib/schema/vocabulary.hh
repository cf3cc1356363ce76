// The one vocabulary: the tables of keys, which are the keys of definitions and the options of the
// programs at once, and a step of a dialogue, which is made of them.
#pragma once

#include "schema/key.hh"
#include "schema/step_type.hh"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

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

// One step of a dialogue.
struct Step {
  StepType type = StepType::wait;
  Json values = Json::object(); // in normal form; has at least the key that names the type
  std::string where;            // "FILE:LINE:COLUMN", or empty if from a command line

  // The value of a key, nullptr if it is not given.
  const Json* find(std::string_view key) const;
  // The text of a key; empty if it is not given.
  std::string text(std::string_view key) const;
};

std::string_view step_type_name(StepType type);
std::optional<StepType> step_type_from(std::string_view name);

// What is wrong with a step as a whole: a modifier that needs another, a missing "until", a check
// that cannot fail. Empty if nothing. The values are known to be of the right kind. Throws
// Error(ExitCode::usage) for an expression that does not compile.
std::string step_mistake(const Step& step);

// Whether the step can find something wrong: a text that does not come, an error, a status. Typing
// and waiting cannot, nor can ending a machine or a command of which any status will do.
bool judges(const Step& step);

// The option words that say the step, and the same as one line for people and shells.
std::vector<std::string> step_words(const Step& step);
std::string describe_step(const Step& step);

} // namespace qt
