// The words that a definition gives its tests to be selected by; tag.hh has those that follow from
// what a test is.
#pragma once

#include "definition/schema.hh"

#include <string>
#include <vector>

namespace qt {

// The key "tags": words that are no operators of a selection and do not look like a tag that
// follows from the definition (tag.hh): letters, digits and _ - . + only.
std::vector<std::string> read_tags(const Value& value, const Reader& reader);

} // namespace qt
