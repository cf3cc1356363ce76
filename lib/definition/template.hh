// Turns [test.NAME] into plain tables: the template laid under it, named lists of steps and params
// put in, and one table for each combination of its matrix.
//
// "${params.N}" and "${V}" (a matrix variable) are replaced in every text of a value, never in
// keys. A text that is just one of them takes the kind of the value: exit = "${params.status}"
// becomes a number. The value of a parameter may name others, as where one template is made of
// another.
#pragma once

#include "definition/schema.hh"
#include "definition/step_lists.hh"

#include <map>
#include <string>
#include <vector>

namespace qt {

// [template.NAME] by name, from the file and all that it includes.
using Templates = std::map<std::string, Member>;

// The tables of the subtests, each with the subtest's name as its key ("N", or "N[a,b]" in the
// order of the matrix); none if a mistake, which has been said, leaves nothing to go on with.
std::vector<Member> expand_test(const Member& test, const Templates& templates,
                                const StepLists& step_lists, const Reader& reader);

} // namespace qt
