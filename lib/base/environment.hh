// What the environment says. All programs ask here, so that a variable means the same to each.
#pragma once

#include <string>

namespace qt::env {

// The variable's value; empty if it is not set. Empty and not set are the same everywhere.
std::string text(const char* name);

// Whether a switch such as QEMU_TEST_NO_DOWNLOAD is on: set to anything but nothing and "0".
bool flag(const char* name);

} // namespace qt::env
