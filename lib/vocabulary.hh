// The one vocabulary. A key in a definition and the long option of the program that serves it are
// the same entry of a table here: same name, same kind of value, same meaning. A definition's value
// becomes option words with append_options(), an option's text becomes the same value with
// set_from_option(): what one accepts the other accepts.
//
// Values are held as qt::Json in one normal form for each Type (below). Nothing here runs anything.
#pragma once

#include "json.hh"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// What may stand behind a key, its normal form, and how an option says it.
enum class Type {
  text,     // string                      --k TEXT
  bytes,    // string, any bytes           --k TEXT with \r \n \e \xNN escapes
  regex,    // string                      --k RE (PCRE2)
  duration, // string "30s"                --k 30s
  size,     // string "16M" (or "pow2" where the key says so)
  integer,  // integer                     --k 5
  status,   // integer 0…255 or "any"      --k 0
  flag,     // true                        --k (no value)
  boolean,  // true or false               --k true
  console,  // integer, string or false    --k 0, --k TYPE, --k false
  json,     // any value                   --k JSON
  table,    // object                      --k JSON
  texts,    // array of strings; one string is an array of one      --k A --k B
  argv,     // array of strings, not empty --k 'one line, quoted as for a shell'
  argvs,    // array of argv               repeated
  patterns, // array of {"text": T} or {"regex": RE}; a bare string is {"text": T}
            //                             --k T, --k-regex RE
  checks,   // object of "contains", "equals", "matches", "lacks", each a string; a bare string is
            // {"contains": T}             --k T, --k-equals T, --k-matches RE, --k-lacks T
  saves,    // object name → string        --k NAME=STRING
  range,    // array [minimum, maximum] of numbers   --k MIN..MAX
};

enum class StepType : unsigned {
  wait,
  wait_regex,
  line,
  send,
  interrupt, // console
  qmp,
  hmp,
  event,
  exit,
  quit,
  kill,
  running, // monitor and machine
  run,
  file,
  fetch,
  tcp,
  sleep, // host
};

struct Key {
  std::string_view name;
  Type type;
  std::string_view argument; // how --help names the value; empty for a flag
  std::string_view help;     // one short line
  std::uint32_t steps = 0;   // for step keys: bit n set = may stand in a step of StepType n
};

// The keys that name a step, in the order of StepType; keys[n].steps is just bit n.
std::span<const Key> step_type_keys();
// The keys that modify a step. The same name may stand twice with other steps and another type
// ("until": a text for interrupt, a table for qmp).
std::span<const Key> step_modifier_keys();
// What may stand before the first step of a dialogue: a total deadline, failure texts, defaults.
std::span<const Key> dialogue_keys();
// [test.N] or [test.N.vm.NAME]: the machine. The options of qt-boot.
std::span<const Key> vm_keys();
// [file.N]: the options of qt-extract, and the keys "from", "text" and "name" of definitions.
std::span<const Key> file_keys();
// [asset.N].
std::span<const Key> asset_keys();
// requires = { … }.
std::span<const Key> requires_keys();

// The key called `name` in `keys`; nullptr if there is none.
const Key* find_key(std::span<const Key> keys, std::string_view name);
// The step key, naming or modifying, that `name` is in a step of `type`; nullptr if it has no place
// there.
const Key* find_step_key(StepType type, std::string_view name);
std::vector<std::string_view> key_names(std::span<const Key> keys);

// Brings a value as a definition gives it into normal form. Throws Error(ExitCode::usage) whose
// text says what was expected ("expected a time such as \"30s\""), without naming the key. Whether
// a regular expression compiles is not looked at.
Json normal_value(const Key& key, const Json& value);

// One way in which an option says a key: "fail-regex" for the key "fail".
struct OptionForm {
  std::string name;
  std::string argument; // empty: no value
};
std::vector<OptionForm> option_forms(const Key& key);
// Adds the words of the options that say `value` (in normal form) to `words`.
void append_options(const Key& key, const Json& value, std::vector<std::string>& words);
// Takes one option (a form's name and its text) into `table`[key.name], adding to what is there for
// the types that may be repeated. Throws Error(ExitCode::usage) that says what was expected.
void set_from_option(const Key& key, std::string_view form, const std::string& text, Json& table);

// One step of a dialogue.
struct Step {
  StepType type = StepType::wait;
  Json values = Json::object(); // in normal form; has at least the key that names the type
  std::string where;            // "FILE:LINE:COLUMN", or empty if from a command line

  // The value of a key, nullptr if it is not given.
  const Json* find(std::string_view key) const;
  // The text of a key; empty if it is not given.
  std::string text(std::string_view key) const;
};

std::string_view step_type_name(StepType type);
std::optional<StepType> step_type_from(std::string_view name);

// What is wrong with a step as a whole: a modifier that needs another, a missing "until". Empty if
// nothing. The keys themselves are known to be right.
std::string step_mistake(const Step& step);

// The option words that say the step, and the same as one line for people and shells.
std::vector<std::string> step_words(const Step& step);
std::string describe_step(const Step& step);

} // namespace qt
