// Judges one JSON value against the checks of a step: at, returns, matches, equals, lacks, length,
// range. Pure; says what is wrong for people: where, what was asked, what came.
#pragma once

#include "json.hh"
#include "vocabulary.hh"

#include <string>

namespace qt {

// The part of `reply` that the step's "at" means (all of it without); nullptr if it is not there,
// and then `missing` says how much of the pointer is. Lives as long as `reply`.
const Json* narrowed(const Step& step, const Json& reply, std::string& missing);

// What is wrong with the value, one line; empty if every check holds. "at" has been followed.
std::string reply_mistake(const Step& step, const Json& value);

// Where and how `value` does not contain `wanted` (json_contains); empty if it does.
std::string difference(const Json& value, const Json& wanted);

// A value for people: JSON, cut to about 300 bytes.
std::string shorten(const Json& value);

} // namespace qt
