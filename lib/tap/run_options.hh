// The options of a run: what somebody asks of qt-tap besides which subtests. They are all in one
// struct, and the run, what --dry-run prints and the command that runs a subtest again start from
// it. The test `qt-tap-options` compares these three for each option that qt-tap has.
#pragma once

#include "base/duration.hh"
#include "definition/definition.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

enum class KeepScratch { no, yes };
// Which failures are run again: those whose cause can be the host's, or every one.
enum class Retried { hosts_causes, all };

struct RunOptions {
  // Whose time is limited: that of all subtests together, by `timeout` (as named; nothing: without
  // end), or of those of each file, by what it says.
  enum class Limit { of_the_run, of_each_file } limit = Limit::of_each_file;
  std::optional<Duration> timeout;
  bool strict_budgets = false;
  std::string qemu;                   // or empty
  std::string confine;                // or empty: tests that require "untrusted" are
  std::string accel;                  // or empty
  std::string cpu;                    // or empty
  std::string wrapper;                // a command line, which starts every machine; or empty
  std::vector<std::string> arguments; // QEMU's, of every machine after its own
  int jobs = 1;                       // subtests at the same time
  int retries = 0;                    // how often a subtest that failed is run again
  Retried retried = Retried::hosts_causes;
  std::string output;   // absolute once complete_settings() has seen it; or empty
  std::string prepared; // the same
  std::string on_fail = "end";
  std::vector<std::string> breaks; // where a person gets the terminal (breaks_of_phase())
  bool gdb = false;                // the first machine runs under gdb at the terminal
  bool gdb_stub = false;           // each machine waits for gdb
  KeepScratch keep_scratch = KeepScratch::no;
  bool under_meson = false; // Meson reads the results
};

// Whether somebody looks at the machines with gdb: then nothing has a deadline.
inline bool is_debugged(const RunOptions& options) { return options.gdb || options.gdb_stub; }

// Puts what is asked of every machine into those of the definition: what replaces something of
// theirs, and more arguments; takes deadlines out if it is_debugged(). Throws
// Error(ExitCode::usage) for arguments that cannot be, or name what the definition does not have.
void apply_options(const RunOptions& options, Definition& definition);

// The words that say the options on a command line, without those that make no difference to one
// run of one subtest (jobs, retries, under_meson), and the arguments, which stand after the FILE.
std::vector<std::string> option_words(const RunOptions& options);

} // namespace qt
