// Judges one JSON value against the checks of a step: at, returns, matches, equals, lacks, length,
// range. Pure; says what is wrong for people: where, what was asked, what came. A reply of any size
// gives no more than a screenful.
//
// Numbers are compared exactly (json.hh). TOML has no number above 2^63 - 1: `matches` judges the
// digits of a larger one.
#pragma once

#include "data/json.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

// What is wrong with a value; all empty if nothing.
struct ReplyMistake {
  std::string text;              // one line: the first thing that is wrong
  std::vector<std::string> diff; // all of it, for people: a pointer, then "- asked" and "+ came"

  explicit operator bool() const noexcept { return !text.empty(); }
};

// What a step asks of a reply.
struct ReplyChecks {
  std::string at;              // JSON pointer to the part that is judged; empty: the whole
  std::optional<Json> returns; // it contains this
  std::optional<Json> equals;
  std::optional<std::string> matches; // regular expression
  std::optional<std::string> lacks;
  std::optional<Json> length; // integer
  std::optional<Json> range;  // [minimum, maximum]
};

// The part of `reply` at the JSON `pointer`; nullptr if it is not there, and then `missing` says
// how much of the pointer is. Lives as long as `reply`.
const Json* narrowed(const std::string& pointer, const Json& reply, ReplyMistake& missing);

// The first check that does not hold of `value`, which is the part at `checks.at`.
ReplyMistake reply_mistake(const ReplyChecks& checks, const Json& value);

// Where and how `value`, which is at the JSON pointer `pointer` of what people see, does not
// contain `wanted` (json_contains).
ReplyMistake difference(const std::string& pointer, const Json& value, const Json& wanted);

// A value for people: JSON, cut to about 300 bytes.
std::string shorten(const Json& value);

} // namespace qt
