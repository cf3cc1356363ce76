// What servers send in place of a file, told by its first bytes: for messages about content that is
// not what its digest says.
#pragma once

#include <string>
#include <string_view>

namespace qt {

// "a web page, perhaps to log in", "a pointer of Git LFS, …" and what to do; empty if the bytes
// look like neither.
std::string impostor_in(std::string_view first_bytes);

} // namespace qt
