// A key as long options: how its value is said on a command line, and how such options become the
// value again. What a definition accepts, the options accept, and the other way round.
#pragma once

#include "schema/key.hh"

namespace qt {

// One way in which an option says a key: "fail-regex" for the key "fail".
struct OptionForm {
  std::string name;
  std::string argument; // empty: no value
  std::string help;
};
std::vector<OptionForm> option_forms(const Key& key);
// Adds the words of the options that say `value` (in normal form) to `words`.
void append_options(const Key& key, const Json& value, std::vector<std::string>& words);
// Takes one option (a form's name and its text) into `table`[key.name], adding to what is there for
// the types that may be repeated. Throws Error(ExitCode::usage) that says what was expected, or
// that another one would be overwritten.
void set_from_option(const Key& key, std::string_view form, const std::string& text, Json& table);

} // namespace qt
