// Reads the steps of a definition: each is one table with exactly one key that names what it does.
#pragma once

#include "definition/schema.hh"
#include "schema/step.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

enum class StepPlace {
  dialogue, // "steps": any
  host,     // "prepare" and "verify": run, file and sleep only
};

// The steps that one table of the list stands for, each with one key that says what it does. One
// that types and waits, { line = "root", wait = "# " }, is two, as on a command line: "pace"
// belongs to the typing, "vm" and "console" to both, every other modifier to the wait. `prompt`:
// what a bare "line" waits for; may be nullptr.
std::vector<Value> single_steps(const Value& step, const Value* prompt);

// One step in normal form; nothing if something is wrong, which has then been said. `list` is the
// key that the step stands in, for messages.
std::optional<Step> read_step(const Value& value, StepPlace place, std::string_view list,
                              const Reader& reader);

// The names that the step saves: those of "save" and the named groups of wait-regex.
std::vector<std::string> saved_names(const Step& step);

} // namespace qt
