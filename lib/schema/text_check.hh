// Judges a whole text against checks in the vocabulary's normal form: "contains", "equals" (a
// newline at the end does not matter), "matches" (a regular expression), "lacks".
#pragma once

#include "data/json.hh"

#include <string>
#include <string_view>

namespace qt {

// What is wrong with the text, in one line: "asked of the output: lacks 'error'"; empty if every
// check holds. `what` names the text. Throws Error(ExitCode::usage) for a wrong expression.
std::string text_mistake(const Json& checks, std::string_view text, std::string_view what);

} // namespace qt
