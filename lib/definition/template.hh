// Turns [test.NAME] into plain tables: the template laid under it, named lists of steps and params
// put in, and one table for each combination of its matrix.
//
// "${params.N}" and "${V}" (a matrix variable) are replaced in every text of a value, never in
// keys. A text that is just one of them takes the kind of the value: exit = "${params.status}"
// becomes a number. The value of a parameter may name others, as where one template is made of
// another.
#pragma once

#include "definition/schema.hh"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace qt {

// Lists of steps that have a name, [steps.NAME], and stand for themselves in other lists of steps
// as { use = "NAME" }: by name, from the file and all that it includes.
using StepLists = std::map<std::string, Member>;

// Reads the tables "steps" of a file into `lists`, and checks what can be said of each by itself.
void read_step_lists(const Value& root, StepLists& lists, const Reader& reader);

// Puts the lists in place of the steps that name them, in the table of a test or template.
void put_in_step_lists(Value& test, const StepLists& lists, const Reader& reader);

// The names that are used anywhere in a value.
std::set<std::string> used_step_lists(const Value& value);

// [template.NAME] by name, from the file and all that it includes.
using Templates = std::map<std::string, Member>;

// The tables of the subtests, each with the subtest's name as its key ("N", or "N[a,b]" in the
// order of the matrix); none if a mistake, which has been said, leaves nothing to go on with.
std::vector<Member> expand_test(const Member& test, const Templates& templates,
                                const StepLists& step_lists, const Reader& reader);

} // namespace qt
