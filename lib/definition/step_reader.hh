// Reads the steps of a definition: each is one table with exactly one key that names what it does.
#pragma once

#include "definition/schema.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

enum class StepPlace {
  dialogue, // "steps": any
  host,     // "prepare" and "verify": run and file only
};

// One step in normal form; nothing if something is wrong, which has then been said. `list` is the
// key that the step stands in, for messages.
std::optional<Step> read_step(const Value& value, StepPlace place, std::string_view list,
                              const Reader& reader);

// The names that the step saves: those of "save" and the named groups of wait-regex.
std::vector<std::string> saved_names(const Step& step);

} // namespace qt
