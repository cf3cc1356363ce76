// Where in a subtest a person gets the terminal (--break), as people name it: a step by its number
// or its mark (schema/break_point.hh); where several phases have machines, after the phase's
// number, as in "2:7"; or "fail".
#pragma once

#include "definition/definition.hh"

#include <cstddef>
#include <string>
#include <vector>

namespace qt {

// The checks of a phase that are run; `names`: only these; empty: all.
std::vector<NamedCheck> chosen_checks(const Phase& phase, const std::vector<std::string>& names);

// What `words` mean for qt-expect in the phase with this index: numbers of steps, and "fail" where
// there is a machine to show. `checks`: only these of the subtest are run; empty: all. Throws
// Error(ExitCode::usage), which lists the steps, for a place that the subtest does not have.
std::vector<std::string> breaks_of_phase(const Subtest& subtest, std::size_t phase,
                                         const std::vector<std::string>& checks,
                                         const std::vector<std::string>& words);

} // namespace qt
