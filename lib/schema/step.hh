// A step of a dialogue: its kind, and the values of its keys; and where a dialogue stops for a
// person (--break).
#pragma once

#include "base/error.hh"
#include "data/json.hh"
#include "schema/tables.hh"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

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

// Where a dialogue stops for a person (--break): before a step, which is named by its number in
// the dialogue or by its mark, or where the dialogue fails.
inline constexpr std::string_view k_break_at_failure = "fail";

// The number of the step that `word` names, from 1, as logs and reports count: that number, or the
// mark that the step sets. Nothing if it names none.
std::optional<std::size_t> step_number(const std::vector<Step>& steps, std::string_view word);

// A line for each step, with its number: "  3  --wait login: --mark login".
std::vector<std::string> numbered_steps(const std::vector<Step>& steps);

// For a place that is not there: `message`, and below it the lines of what is.
Error no_such_step(const std::string& message, const std::vector<std::string>& lines);

} // namespace qt
