// Whether a reply of QEMU's human monitor tells of an error. The monitor has no field for that: an
// error is text like any other. Tried with QEMU 7.2, 10.0 and 11.1:
//
//   Error: Device 'x' not found                               most commands
//   unknown command: 'info nonsense'                          no such command in this emulator
//   Command 'info skeys' not available until …                the same, since 11.1
//   Try "help x" for more information                         below what is wrong with the
//   arguments No CPU available invalid CPU index, Invalid boot device 'z', …             commands
//   that say nothing, or one
//                                                             known thing, when they succeed
#pragma once

#include <string>
#include <string_view>

namespace qt {

// The line of `reply` that tells of the error, or empty. `command`: the whole line that was asked.
std::string hmp_error(std::string_view command, std::string_view reply);

} // namespace qt
