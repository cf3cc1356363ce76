// QEMU's own arguments ("args", what stands after "--") that cannot work with qt-boot.
#pragma once

#include "data/json.hh"

#include <string>
#include <vector>

namespace qt {

// What is wrong with them, and what to do; empty: nothing. An argument that makes QEMU leave who
// has started it is refused: nobody would see its end.
std::string argument_mistake(const std::vector<std::string>& arguments);

// The same for a machine without a monitor: a device on which the guest tells QEMU of a panic, or
// an action after which QEMU would tell nobody, also not by its status.
std::string unheard_panic_mistake(const std::vector<std::string>& arguments);

// Whether a machine without a monitor that ends with this wanted status (a number or "any") may
// have panicked: then the status of QEMU is 1.
bool may_be_unheard_panic(const Json& wanted_status);

} // namespace qt
