// Failure texts by name: what a system prints when it has failed, in one place instead of a copy in
// each test. { set = "linux" } in "fail", --fail-set linux.
#pragma once

#include "data/json.hh"

#include <string>
#include <string_view>
#include <vector>

namespace qt {

std::vector<std::string> failure_set_names();
// The texts of a set, in the normal form of Type::patterns; nullptr if there is no such set.
const Json* find_failure_set(std::string_view name);
// A value in that normal form with the texts of each set in the place of its name.
Json with_sets_put_in(const Json& patterns);

} // namespace qt
