// Lists of steps that have a name, [steps.NAME], and stand for themselves in other lists of steps
// as { use = "NAME" }.
#pragma once

#include "definition/schema.hh"

#include <map>
#include <set>
#include <string>

namespace qt {

// [steps.NAME] by name, from the file and all that it includes.
using StepLists = std::map<std::string, Member>;

// Reads the tables "steps" of a file into `lists`, and checks what can be said of each by itself.
void read_step_lists(const Value& root, StepLists& lists, const Reader& reader);

// Puts the lists in place of the steps that name them, in the table of a test or template.
void put_in_step_lists(Value& test, const StepLists& lists, const Reader& reader);

// The names that are used anywhere in a value.
std::set<std::string> used_step_lists(const Value& value);

} // namespace qt
