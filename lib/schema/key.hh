// A key: the same entry for a key of a definition and for the long option of the program that
// serves it, with the same name, the same kind of value and the same meaning (tables.hh has the
// tables). key_option.hh turns a value into option words and back: what one accepts the other
// accepts.
//
// Values are held as qt::Json in one normal form for each Type (below), also the checks of a text,
// which text_mistake() carries out. Nothing here runs anything.
#pragma once

#include "base/error.hh"
#include "data/json.hh"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// The value of a key, its normal form, and how an option says it.
enum class Type {
  text,     // string                      --k TEXT
  bytes,    // string, any bytes           --k TEXT with \r \n \e \xNN escapes
  regex,    // string                      --k RE (PCRE2)
  duration, // string "30s"                --k 30s
  size,     // string "16M" (or "pow2" where the key says so); a number is bytes
  integer,  // integer                     --k 5
  status,   // integer 0…255 or "any"      --k 0
  flag,     // true                        --k (no value)
  boolean,  // true or false               --k true
  console,  // integer, string or false    --k 0, --k TYPE, --k false
  ending,   // true or string              --k (no value), --k-until TEXT
  json,     // any value                   --k JSON
  table,    // object                      --k JSON
  texts,    // array of strings; one string is an array of one      --k A --k B
  argv,     // array of strings, not empty --k 'one line, quoted as for a shell'
  argvs,    // array of argv               repeated
  patterns, // array of {"text": T}, {"regex": RE} or {"set": NAME} (failure_sets.hh); a bare string
            // is {"text": T}              --k T, --k-regex RE, --k-set NAME
  checks,   // array of {"contains": T}, {"equals": T}, {"matches": RE} or {"lacks": T}; a bare
            // string is {"contains": T}, a table may have several
            //                             --k T, --k-equals T, --k-matches RE, --k-lacks T
  values,   // object name → string        --k NAME=STRING
  saves,    // object name → string or {"at": string, "default": string}
            //                             --k NAME=STRING, then --k-default NAME=STRING
  range,    // array [minimum, maximum] of numbers   --k MIN..MAX
};

// Whether a value that says nothing is a mistake: an empty text, no time or size at all, an
// expression that matches everything, a range that holds every number, a list or table that
// everything contains. Such a check cannot fail (empty_value.hh).
enum class Empty { allowed, mistake };

struct Key {
  std::string_view name;
  Type type = Type::text;
  std::string_view
      argument;            // how --help names the value, "a|b:TEXT" for a choice; empty for a flag
  std::string_view help;   // one short line
  std::uint32_t steps = 0; // of a step's keys: bit n set = has a place in StepType n
  Empty empty = Empty::mistake;
};

// The key called `name` in `keys`; nullptr if there is none.
const Key* find_key(std::span<const Key> keys, std::string_view name);
std::vector<std::string_view> key_names(std::span<const Key> keys);

// Whether texts of this type may hold U+0000: they are written with escapes or as JSON. All others
// become arguments of programs, which would end there.
bool may_hold_nul(Type type);

// Brings a value as a definition gives it into normal form. Throws Error(ExitCode::usage) whose
// text says what was expected ("expected a time such as \"30s\""), without naming the key. Whether
// a regular expression compiles is not looked at.
Json normal_value(const Key& key, const Json& value);

// Where a value of "save" is to be found, and what it is where there is none: nullptr if that is a
// failure.
std::string place_of(const Json& saved);
const Json* default_of(const Json& saved);

// A value of another kind came: "expected WHAT", a usage error.
Error expected(std::string_view what);

// Judges a whole text against a value of the type checks: "contains", "equals" (a newline at the
// end does not matter), "matches" (a regular expression), "lacks".
//
// What is wrong with the text, in one line: "asked of the output: lacks 'error'"; empty if every
// check holds. `what` names the text. Throws Error(ExitCode::usage) for a wrong expression.
std::string text_mistake(const Json& checks, std::string_view text, std::string_view what);

} // namespace qt
