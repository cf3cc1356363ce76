// What a test requires of the host and of QEMU: reads and checks the tables "requires". Whether it
// is there is not looked at.
#pragma once

#include "definition/schema.hh"

#include <string>
#include <string_view>

namespace qt {

// The values of a table "requires" by requires_keys(), in normal form.
Json read_requires(const Value& value, const Reader& reader);

// "virt,gic-version=3" and "type=virt" are the machine "virt".
std::string machine_name(std::string_view machine);

// Adds the machine that `machine` ("virt,gic-version=3") names to `required`, unless that has an
// empty list of machines: a test that QEMU refuses a machine.
void require_machine(std::string_view machine, Json& required);

} // namespace qt
