// What unpack.hh does with archives: one pass over the members, taking some or all of them.
#pragma once

#include "unpack_rule.hh"

#include <string>
#include <vector>

namespace qt {

// As unpack(); errors do not name the source.
void unpack_members(const std::string& source, const UnpackRule& rule,
                    const std::vector<std::string>& outputs);
void unpack_tree(const std::string& source, const UnpackRule& rule, const std::string& output);

// The names of all members as they are in the archive, a folder's with "/" at its end.
std::vector<std::string> list_members(const std::string& source, const UnpackRule& rule);

} // namespace qt
