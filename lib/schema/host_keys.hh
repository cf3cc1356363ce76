// The rows of the vocabulary for the steps on the host.
#pragma once

#include "schema/key.hh"
#include "schema/step_type.hh"

#include <array>

namespace qt {

inline constexpr std::array k_host_steps = {
    Key{"run", Type::argv, "COMMAND", "run a host command", in(StepType::run)},
    Key{"file", Type::text, "PATH", "check a host file", in(StepType::file)},
    Key{"fetch", Type::text, "URL", "download from the guest, uncached", in(StepType::fetch)},
    Key{"tcp", Type::text, "HOST:PORT",
        "a connection succeeds, or is refused; HOST is an address or localhost", in(StepType::tcp)},
    Key{"sleep", Type::duration, "TIME", "do nothing for TIME; last resort", in(StepType::sleep)},
};

inline constexpr std::array k_host_modifiers = {
    Key{"matches", Type::regex, "RE", "the text matches", in(StepType::file)},
    Key{"lacks", Type::text, "TEXT", "the text does not contain TEXT, the list has no such element",
        in(StepType::file)},
    Key{"save", Type::saves, "NAME=WHERE", "keep a value: JSON pointer, else regular expression",
        in(StepType::run, StepType::shell)},
    Key{"status", Type::status, "N", "the command's exit status (default 0), or any",
        in(StepType::run, StepType::shell)},
    Key{"stdout", Type::checks, "TEXT", "the command's output contains TEXT",
        in(StepType::run, StepType::shell)},
    Key{"sha256", Type::text, "HEX", "the file's digest", in(StepType::file, StepType::fetch)},
    Key{"min-size", Type::size, "SIZE", "the file is at least this large", in(StepType::file)},
    Key{"open", Type::boolean, "true|false", "whether the connection succeeds", in(StepType::tcp)},
};

} // namespace qt
