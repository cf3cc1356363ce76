// Values that are of the right kind and say nothing: what judges by them cannot fail.
#pragma once

#include "schema/key.hh"

#include <string>

namespace qt {

// What is wrong with a value in normal form that says nothing, where the key does not allow that:
// "expected a text that is not empty"; empty if nothing. A text with "${" in it is left alone: it
// is known only later. Throws Error(ExitCode::usage) for an expression that does not compile.
std::string empty_mistake(const Key& key, const Json& value);

} // namespace qt
