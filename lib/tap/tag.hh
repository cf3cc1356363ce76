// The tags of a subtest: what "qt-tap --select" chooses by. A test has its own (the key "tags" of
// the file and of the test: plain words), and these, which follow from the definition:
//
//   arch:ARCH machine:NAME cpu:NAME file:NAME check:NAME
//       accel:NAME device:NAME netdev:NAME (required)
//   suite:quick, suite:thorough                     asset:NAME, or asset:none
//   slow flaky untrusted large-storage network disabled (what requires says)
#pragma once

#include "tap/selection.hh"

#include <set>
#include <string>
#include <vector>

namespace qt {

std::set<std::string> tags_of(const Definition& definition, const Subtest& subtest);

// Those whose tags match `expression` (tag_expression.hh). Throws Error(ExitCode::usage) if it is
// no expression, if none of `selected` has a tag that it names and that no test could have
// ("machne:virt"), or if nothing matches.
std::vector<Selected> select_by_tags(const std::vector<Selected>& selected,
                                     const std::string& expression);

} // namespace qt
