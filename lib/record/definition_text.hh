// A recorded definition as TOML. The values may hold any bytes that a terminal has carried: texts
// are written as basic strings, with an escape for whatever is no printable character, and "${" as
// "$${", so that nothing in them means anything.
#pragma once

#include "record/script.hh"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace qt {

// A file that stood in QEMU's arguments.
struct RecordedAsset {
  std::string name;
  std::string path;      // absolute; empty if there is a URL
  std::string url;       // with `digest`
  std::string digest;    // lower-case hex
  bool writable = false; // each run gets a copy: [file.NAME]
};

struct RecordedDefinition {
  std::string summary;
  std::string timeout; // empty: the default
  std::vector<RecordedAsset> assets;
  std::string test;
  // The keys of the test but for its steps; texts in which "${" is meant are in `raw_args`.
  std::vector<std::pair<std::string, Json>> keys;
  std::vector<std::string> args; // as they stand in a definition: with ${asset.…}
  std::vector<DraftStep> steps;
};

// A value in one line. Throws Error for what TOML cannot hold: null, a number over 64 bits, text
// that is no UTF-8.
std::string toml_value(const Json& value);
// The same of a text in a definition, where "${" would be a variable.
std::string toml_literal(const Json& value);

std::string definition_text(const RecordedDefinition& definition);

// A text in which "${" is no variable.
std::string without_variables(std::string_view text);

} // namespace qt
