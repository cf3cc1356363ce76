// The rows of the vocabulary for assets and files.
#pragma once

#include "schema/key.hh"

#include <array>

namespace qt {

inline constexpr std::array k_file = {
    Key{"from", Type::text, "", "the asset or file it is made from"},
    Key{"member", Type::text, "PATH", "one path inside the archive"},
    Key{"first", Type::flag, "", "the first member of that name, not the last"},
    Key{"format", Type::text, "FORMAT", "what it is, where the content does not say"},
    Key{"directory", Type::flag, "", "the whole tree"},
    Key{"skip-devices", Type::flag, "", "leave device nodes out"},
    Key{"resize", Type::size, "pow2|SIZE", "grow to this size"},
    Key{"writable", Type::flag, "", "a private copy"},
    Key{"text", Type::text, "", "the content of a small file", 0, Empty::allowed},
    Key{"name", Type::text, "", "the file's name"},
};

inline constexpr std::array k_asset = {
    Key{"url", Type::texts, "URL", "where it comes from, tried in order"},
    Key{"sha256", Type::text, "HEX", "digest"},
    Key{"sha512", Type::text, "HEX", "digest"},
    Key{"size", Type::size, "BYTES", "how large it is; more is not downloaded"},
    Key{"env", Type::text, "VAR", "the variable that names the user's file"},
    Key{"path", Type::text, "PATH", "a host file, with * and ?"},
};

} // namespace qt
