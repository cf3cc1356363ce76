// Regular expressions that find nothing in any text: a failure text of this kind never fails, a
// wait for it never ends.
#pragma once

#include <string>

namespace qt {

// Whether a cheap look tells that nothing matches, as with (?!), "a$b" or [^\s\S]. False does not
// say that something does: whether any text matches cannot be told of every expression. Throws
// Error(ExitCode::usage) if it does not compile.
bool matches_nothing(const std::string& expression);

} // namespace qt
