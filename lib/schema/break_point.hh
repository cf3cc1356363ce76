// Where a dialogue stops for a person (--break): before a step, which is named by its number in
// the dialogue or by its mark, or where the dialogue fails.
#pragma once

#include "base/error.hh"
#include "schema/step.hh"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

inline constexpr std::string_view k_break_at_failure = "fail";

// The number of the step that `word` names, from 1, as logs and reports count: that number, or the
// mark that the step sets. Nothing if it names none.
std::optional<std::size_t> step_number(const std::vector<Step>& steps, std::string_view word);

// A line for each step, with its number: "  3  --wait login: --mark login".
std::vector<std::string> numbered_steps(const std::vector<Step>& steps);

// For a place that is not there: `message`, and below it the lines of what is.
Error no_such_step(const std::string& message, const std::vector<std::string>& lines);

} // namespace qt
