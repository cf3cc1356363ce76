// Conditions on QEMU's version, as in requires: ">= 8.0, < 10".
#pragma once

#include <string>
#include <string_view>

namespace qt {

// Whether a version such as "7.2.22" is as `wanted` asks: conditions of >= > <= < == = != and a
// version, separated by commas; a version alone means itself. Missing parts count as 0. Throws
// Error(ExitCode::usage) if `wanted` is no such condition.
bool version_meets(std::string_view version, std::string_view wanted);

// What is wrong with `wanted`: it is no condition, or one that no version meets. Empty if nothing.
std::string version_mistake(std::string_view wanted);

} // namespace qt
