// A JSON schema (draft 7) of definitions, made from the tables of keys: for editors, which complete
// and check with it while somebody writes. What it refuses, load_definition() refuses; what it
// accepts may still be wrong in ways that no schema can say (definition.hh).
#pragma once

#include "data/json.hh"

namespace qt {

Json definition_schema();

} // namespace qt
