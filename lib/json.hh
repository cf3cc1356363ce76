// JSON values: the monitor's protocol, verdicts, records. The only includer of nlohmann_json.
//
// A qt::Json string may hold any bytes while it is in memory (guest text); dump_json() replaces
// what is not UTF-8.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace qt {

using Json = nlohmann::json;

// Parses one whole text. Throws Error ("SOURCE: line L, column C: …") with ExitCode::usage.
Json parse_json(std::string_view text, std::string_view source);
// One line, members sorted by name, bytes that are not UTF-8 replaced by U+FFFD.
std::string dump_json(const Json& value);
std::string dump_json_indented(const Json& value);

// True if `value` contains `wanted`: a table contains each wanted member, an array contains, for
// each wanted element, some element that contains it; anything else must be equal (1 equals 1.0).
bool json_contains(const Json& value, const Json& wanted);
// The value at an RFC 6901 pointer ("" is the whole); nullptr if there is none or the pointer is
// malformed. The result lives as long as `value`.
const Json* json_at(const Json& value, const std::string& pointer);

} // namespace qt
