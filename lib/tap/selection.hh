// Which subtests of which definitions: loading several files, choosing by name, by slice, or by
// what a run before came to.
#pragma once

#include "base/error.hh"
#include "definition/definition.hh"
#include "definition/slice.hh"
#include "tap/scene.hh"

#include <span>
#include <string>
#include <vector>

namespace qt {

// Points into the definitions that it was selected from.
struct Selected {
  const Definition* definition;
  const Subtest* subtest;
  std::vector<std::string> checks; // those that are to run, by name, in their order
};

// "arch/stem:subtest", the name of a subtest among those of several definitions.
std::string full_name(const Definition& definition, const Subtest& subtest);

// The checks of a subtest that have these names.
std::vector<NamedCheck> checks_named(const Subtest& subtest, const std::vector<std::string>& names);

// Whether what looks odd in a definition is said too, or only what is wrong.
enum class Warnings { hide, show };

// Loads each file into `definitions` and says on stderr what is wrong in any of them; a file
// without a test is. Other than `done` if something is: `usage` for mistakes, `internal` if a file
// cannot be read.
ExitCode load_definitions(const std::vector<std::string>& files, Warnings warnings,
                          std::vector<Definition>& definitions);

// In the order of the files. A filter is a name, or a pattern with * ? and [], of a subtest or of
// its full name; no filters select all. "NAME/CHECK" selects one check of a subtest without the
// others; the steps before the checks run too. Throws Error(ExitCode::usage) for a filter that
// selects nothing, and for two subtests of the same full name.
std::vector<Selected> select_subtests(std::span<const Definition> definitions,
                                      const std::vector<std::string>& filters);

// Those whose definitions are in the slice, of all definitions, which took so long before.
std::vector<Selected> select_slice(const std::vector<Selected>& selected,
                                   std::span<const Definition> definitions, Slice slice,
                                   const Durations& durations);

// Throws Error(ExitCode::usage) if two of `selected` would run in one folder: the result of the
// first would be lost.
void check_run_directories(const std::vector<Selected>& selected, const RunSettings& settings);

// Those of `selected` that have not passed by themselves in the run whose results are in the folder
// `results` (--rerun): they failed, were skipped, a person had a hand in them, or there is no
// verdict of them. The checks are chosen as before. Throws Error(ExitCode::usage) if there is no
// such folder, and Error if a verdict cannot be read.
std::vector<Selected> not_passed(const std::vector<Selected>& selected, RunSettings settings,
                                 const std::string& results);

} // namespace qt
