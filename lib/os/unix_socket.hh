// UNIX sockets by path. A path of any length will do: the kernel takes 107 bytes, so the socket is
// reached through its folder's descriptor (/proc/self/fd/N/NAME).
#pragma once

#include "os/fd.hh"

#include <optional>
#include <string>

namespace qt {

// A non-blocking listening socket that nobody but this user can reach; replaces what is at `path`.
// Throws Error.
UniqueFd listen_at(const std::string& path);
// A connection; nothing if nobody listens there. Throws Error on any other failure.
std::optional<UniqueFd> connect_to(const std::string& path);

} // namespace qt
