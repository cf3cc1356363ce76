// From a definition to command lines: the argument vectors of the stages that run one subtest. All
// of this is a pure function of a subtest and of the values of its variables: it looks at nothing
// on the host, so that what is printed (--dry-run) is what is run.
//
// One phase becomes at most three command lines, run one after the other:
//   prepare  qt-expect with the host steps before the boot
//   chain    qt-boot [VM] -- ARGS -- [qt-boot [VM] -- ARGS --] qt-expect STEPS
//   verify   qt-expect with the host steps after QEMU has ended
// A definition's keys become options of the same name (tables.hh); nothing is added but the
// run directory, the machine's name where there are several, and what is left of the deadline.
#pragma once

#include "base/duration.hh"
#include "definition/definition.hh"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qt {

// Where in a subtest a person gets the terminal (--break), as people name it: a step by its number
// or its mark (schema/step.hh); where several phases have machines, after the phase's number, as in
// "2:7"; or "fail". What such `words` mean for qt-expect in the phase with this
// index: numbers of steps, and "fail" where there is a machine to show. `checks`: only these of the
// subtest are run; empty: all. Throws Error(ExitCode::usage), which lists the steps, for a place
// that the subtest does not have.
std::vector<std::string> breaks_of_phase(const Subtest& subtest, std::size_t phase,
                                         const std::vector<std::string>& checks,
                                         const std::vector<std::string>& words);

// The programs of the toolkit as they are to be started.
struct Programs {
  std::string boot;
  std::string expect;
  std::string fetch;
  std::string extract;
};

struct PlanInput {
  Programs programs;
  std::string run_dir;
  // The emulator of each machine, one list for each phase, in the order of the machines.
  std::vector<std::vector<std::string>> emulators;
  // Machines of which the definition does not say it are confined so; empty: not.
  std::string confine;
  // The values of Subtest::variables, without "log": that is the folder of the phase.
  std::map<std::string, std::string> variables;
  // Known by steps that have run: name → raw bytes.
  std::map<std::string, std::string> saved;
  // The longest that a dialogue may take, or the machine where there is no dialogue; as named
  // (timeout_multiplier.hh). A phase's own timeout may be shorter.
  std::optional<Duration> timeout;
  std::vector<std::string> checks; // only these of the subtest; empty: all
  bool strict_budgets = false;
  std::string on_fail = "end";     // --on-fail of qt-boot
  std::vector<std::string> breaks; // where a person gets the terminal
  bool gdb = false;                // --gdb of qt-boot, for the first machine: there is one terminal
  bool gdb_stub = false;           // --gdbstub of qt-boot
};

struct PhasePlan {
  std::string run_dir; // of this phase: the subtest's, or "phase1", … in it if there are several
  std::vector<std::string> prepare; // each of the three is empty if there is nothing to do
  std::vector<std::string> chain;
  std::vector<std::string> verify;
};

// `phase`: index into subtest.phases.
PhasePlan plan_phase(const Subtest& subtest, std::size_t phase, const PlanInput& input);
// The same for all phases.
std::vector<PhasePlan> plan_subtest(const Subtest& subtest, const PlanInput& input);

} // namespace qt
