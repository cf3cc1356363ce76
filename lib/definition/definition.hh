// A definition: one TOML file with the tests of one board (qt-definition(5)).
// load_definition() reads it with everything it includes, checks every key and value, and
// multiplies templates, params and matrices out, so that what it gives is plain: a list of
// subtests.
//
// Strings still hold "${…}" where a value is known only at run time; "${params.N}" and matrix
// variables are already replaced. Nothing here looks at the host or starts anything.
#pragma once

#include "base/duration.hh"
#include "definition/payload.hh"
#include "definition/subtest.hh"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// The folder of definitions that run on every emulator: its name is no architecture.
inline constexpr std::string_view k_generic = "generic";

// Which suite the subtests of a file belong to: the quick ones need no payload but what the host
// has. A file with downloads, or with files that the user supplies, is thorough; so is one that
// says suite = "thorough".
enum class Suite { quick, thorough };
std::string_view suite_name(Suite suite);

struct Definition {
  std::string path;   // as given
  std::string folder; // absolute, the value of ${data}
  std::string arch;   // the name of the folder: "riscv64", "generic"
  std::string stem;   // the file's name without ".toml"
  std::string summary;
  Suite suite = Suite::quick;
  // Of all its subtests together, as named: its key "timeout".
  Duration timeout = std::chrono::seconds(90);
  std::map<std::string, Asset> assets;
  std::map<std::string, FileRule> files;
  std::vector<Subtest> subtests; // in the order of the file
  std::vector<std::string>
      warnings; // "FILE:LINE:COLUMN: warning: …": what looks odd but may be meant

  // A file and those that it is made from; the assets that all of these are made from.
  std::set<std::string> files_for(const std::string& file) const;
  std::set<std::string> assets_for(const std::string& file) const;
  // Whether a text is among them: that has values of a subtest in it.
  bool has_text_for(const std::string& file) const;
};

// The files that a subtest uses, and those that they are made from; the assets that it uses itself
// or by its files. Names, sorted.
std::set<std::string> files_of(const Definition& definition, const Subtest& subtest);
std::set<std::string> assets_of(const Definition& definition, const Subtest& subtest);

// Throws Error(ExitCode::usage) whose message has one line for each mistake in the file,
// "FILE:LINE:COLUMN: error: what is wrong; what was expected", all of them at once; an unreadable
// file is Error(ExitCode::internal).
Definition load_definition(const std::string& path);

// Which files a definition is made of, told without reading what it says: for whoever looks whether
// they have changed. The definition and the files that it includes, and these, as far as they can
// be read: mistakes in them are said where they are loaded. Paths as they are made of `path`.
std::set<std::string> definition_and_includes(const std::string& path);

} // namespace qt
