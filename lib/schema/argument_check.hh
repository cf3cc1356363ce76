// QEMU's own arguments ("args", what stands after "--") that cannot work with qt-boot.
#pragma once

#include <string>
#include <vector>

namespace qt {

// What is wrong with them, and what to do; empty: nothing. An argument that makes QEMU leave who
// has started it is refused: nobody would see its end.
std::string argument_mistake(const std::vector<std::string>& arguments);

// The same for a machine without a monitor: a device on which the guest tells QEMU of a panic, and
// QEMU would tell nobody.
std::string unheard_device_mistake(const std::vector<std::string>& arguments);

} // namespace qt
