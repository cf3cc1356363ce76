// JSON values: the monitor's protocol, verdicts, records. The only includer of nlohmann_json.
//
// A qt::Json string may hold any bytes while it is in memory (guest text); dump_json() replaces
// what is not UTF-8.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

using Json = nlohmann::json;

// As deep as QEMU's own parser goes; what walks a value may recurse.
inline constexpr unsigned k_deepest_json = 1024;

// Parses one whole text. Throws Error ("SOURCE: line L, column C: …") with ExitCode::usage; also
// for a text that is nested deeper than k_deepest_json.
Json parse_json(std::string_view text, std::string_view source);
// One line, members sorted by name, bytes that are not UTF-8 replaced by U+FFFD.
std::string dump_json(const Json& value);
std::string dump_json_indented(const Json& value);
// JSON text for people: cut to `longest` bytes, at the border of a character, with "…" after it.
std::string cut_json(std::string_view text, std::size_t longest);

// Equal as JSON: 1 equals 1.0, while 2^53 + 1 is not 2^53 and 2^64 - 1 is not -1, as they would be
// by the library's operator==.
bool json_equal(const Json& one, const Json& other);
// Of two numbers, exactly, whatever they are held as; unordered if one is no number.
std::partial_ordering compare_numbers(const Json& one, const Json& other);
// True if `value` contains `wanted`: a table contains each wanted member; an array contains, for
// each wanted element, an element of its own that contains it, in any order, so that [1] does not
// contain [1, 1]; anything else must be equal.
bool json_contains(const Json& value, const Json& wanted);
// Of two arrays: the index of a wanted element that finds no element of its own; nothing if `list`
// contains `wanted`.
std::optional<std::size_t> json_unmatched(const Json& list, const Json& wanted);
// The value at an RFC 6901 pointer ("" is the whole); nullptr if there is none or the pointer is
// malformed. The result lives as long as `value`.
const Json* json_at(const Json& value, const std::string& pointer);

// Members of JSON that others have written, which may be of any kind. They never throw: what is not
// there or of another kind is null, "", an empty list.
const Json& json_member(const Json& value, std::string_view name) noexcept;
const Json& json_list(const Json& value, std::string_view name) noexcept;
std::string json_text(const Json& value, std::string_view name);
std::vector<std::string> json_texts(const Json& value, std::string_view name);

using TextChange = std::function<std::string(const std::string& text)>;
// `value` with what `change` gives for each text in it, at any depth; names of members stay.
Json with_texts_changed(Json value, const TextChange& change);
// Of the text of a whole, what ends a secret could be what ends a string: so each string by itself.
Json json_without_secrets(Json value);

} // namespace qt
