// All that is decided before a subtest runs: which emulators, which folders, which payloads, which
// values. Running it (runner.hh) and printing it (dry_run.hh) start from the same.
//
// Run directories are OUTPUT/ARCH/STEM.SUBTEST, with ".2", ".3", … after it for the repetitions
// of a runner that counts them and for runs at the same time; a dot in STEM, or before a number at
// the end of SUBTEST, is "%2E". ARCH is the folder of the definition, or the emulator's
// architecture for the folder "generic". Payloads are in OUTPUT/prepared/FOLDER/STEM.
#pragma once

#include "definition/definition.hh"
#include "qemu/emulator.hh"
#include "tap/payloads.hh"
#include "tap/plan.hh"
#include "tap/reservation.hh"
#include "tap/run_options.hh"

#include <map>
#include <string>
#include <vector>

namespace qt {

// What the values of the variables that a subtest uses are made of (qt-definition(5), VARIABLES).
struct ValueSources {
  std::string scratch;
  std::string build;                           // the build folder whose programs are tested
  std::string support;                         // the folder of the definitions' own programs
  std::string data;                            // the definition's own folder
  Emulator emulator;                           // the first machine's
  std::map<std::string, std::string> payloads; // "asset.N", "file.N" → path
};

struct Values {
  std::map<std::string, std::string> values;
  std::string missing; // why something cannot be had on this host: a skip; or empty
};

// For all of `variables` but "log". Ports and the folder for sockets are reserved for as long as
// `reservation` lives. "firmware" is asked of the emulator. Throws Error as Reservation and Probe
// do.
Values values_of(const std::vector<std::string>& variables, const ValueSources& sources,
                 Reservation& reservation);

// The options, and what comes from the surroundings of the run.
struct RunSettings : RunOptions {
  Programs programs;
  std::string results; // the folder of run directories, absolute: --output, or the default
  std::string build;   // the value of ${build}
  std::string support; // the folder of ${support.N}
  std::vector<std::string> checks; // only these of the subtest; empty: all
  int iteration = 1;               // of a runner that repeats
  // Who repeats without counting: runs with the same, not empty, never share a run directory, even
  // one after the other.
  std::string repeater;

  // Of a subtest: as asked for, or by the environment for all runs.
  bool keeps_scratch() const;
};

// Where this program's results go without --output, and the value of ${build}: the Meson build
// folder that the environment names (MESON_BUILD_ROOT), that is or holds the current folder, or
// that this program is in. Empty if there is none.
std::string find_build_folder();

// The folder of the programs that belong to definitions, which stays beside this program's whatever
// build is tested: tests/functional/support. Need not exist.
std::string find_support_folder();

struct Scene {
  std::vector<std::vector<Emulator>> emulators; // of each phase's machines
  Emulator main; // the first machine's, or the one that would be taken if there is no machine
  std::string run_dir;
  std::string scratch;
  PreparationPlan preparation;
  Values values;
  bool is_untrusted = false; // the subtest runs untrusted code

  // Why the subtest cannot run on this host, in this order of precedence; empty if nothing is
  // missing: an emulator, a payload, something else that a variable names.
  std::string missing;

  // With all options that the command lines of a subtest have, but the time.
  PlanInput plan_input(const RunSettings& settings) const;
};

// Looks at the host, changes nothing but `reservation`. `run_dir`: as from run_dir_of(), or with
// more after it. Throws Error.
Scene set_scene(const Definition& definition, const Subtest& subtest, const RunSettings& settings,
                const std::string& run_dir, Reservation& reservation);

std::string run_dir_of(const Definition& definition, const Subtest& subtest,
                       const RunSettings& settings);

// The emulator of a machine, or of a subtest without one (`vm` is nullptr).
Emulator emulator_of(const Definition& definition, const Vm* vm, const RunSettings& settings);

// What the subtest requires, with the values of ${build} and ${data} in the names of commands.
Json requirements_of(const Definition& definition, const Subtest& subtest,
                     const RunSettings& settings);

} // namespace qt
