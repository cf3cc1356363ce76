// A value of a TOML file in the form in which programs have it, and as people are told of it.
#pragma once

#include "data/json.hh"
#include "data/toml.hh"

#include <string>

namespace qt {

// Null for what has no JSON form (Value::Kind::other).
Json json_of(const Value& value);
// How a message shows a value: "5", "\"text\"", "a list".
std::string describe_value(const Value& value);

} // namespace qt
