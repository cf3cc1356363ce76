// Which files a definition is made of, told without reading what it says: for whoever looks whether
// they have changed.
#pragma once

#include <set>
#include <string>

namespace qt {

// The definition and the files that it includes, and these, as far as they can be read: mistakes in
// them are said where they are loaded (definition.hh). Paths as they are made of `path`.
std::set<std::string> definition_and_includes(const std::string& path);

} // namespace qt
