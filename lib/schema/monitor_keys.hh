// The rows of the vocabulary for the steps of the monitor and of the machine.
#pragma once

#include "schema/key.hh"
#include "schema/step_type.hh"

#include <array>

namespace qt {

inline constexpr std::array k_monitor_steps = {
    Key{"qmp", Type::text, "COMMAND", "ask the monitor; an error reply fails", in(StepType::qmp)},
    Key{"hmp", Type::text, "LINE", "ask the human monitor", in(StepType::hmp)},
    Key{"event", Type::text, "NAME", "wait for the monitor's event NAME", in(StepType::event)},
    Key{"exit", Type::status, "STATUS", "wait until QEMU ends by itself with STATUS, or any",
        in(StepType::exit)},
    Key{"quit", Type::flag, "", "ask QEMU to quit and wait for its end", in(StepType::quit)},
    Key{"kill", Type::flag, "", "kill QEMU", in(StepType::kill)},
    Key{"running", Type::duration, "TIME", "QEMU is still alive after TIME", in(StepType::running)},
};

inline constexpr std::array k_monitor_modifiers = {
    Key{"every", Type::duration, "TIME", "pause between tries", in(StepType::qmp, StepType::hmp)},
    Key{"arguments", Type::table, "JSON", "arguments of the command", in(StepType::qmp),
        Empty::allowed},
    Key{"returns", Type::json, "JSON", "the reply contains this", in(StepType::qmp)},
    Key{"until", Type::json, "JSON", "ask again until the reply contains this", in(StepType::qmp)},
    Key{"until", Type::regex, "RE", "ask again until the text matches", in(StepType::hmp)},
    Key{"at", Type::text, "POINTER", "judge the part of the reply at this JSON pointer",
        in(StepType::qmp), Empty::allowed},
    Key{"matches", Type::regex, "RE", "the text matches", in(StepType::qmp, StepType::hmp)},
    Key{"equals", Type::json, "JSON", "the value is this", in(StepType::qmp), Empty::allowed},
    Key{"lacks", Type::text, "TEXT", "the text does not contain TEXT, the list has no such element",
        in(StepType::qmp, StepType::hmp)},
    Key{"length", Type::integer, "N", "the list or text is this long", in(StepType::qmp)},
    Key{"range", Type::range, "MIN..MAX", "the number is in this range", in(StepType::qmp)},
    Key{"save", Type::saves, "NAME=WHERE", "keep a value: JSON pointer, else regular expression",
        in(StepType::qmp, StepType::hmp)},
    Key{"error", Type::text, "CLASS", "the reply is this error", in(StepType::qmp)},
    Key{"desc", Type::text, "TEXT", "the error's text contains this", in(StepType::qmp)},
    Key{"data", Type::table, "JSON", "the event's data contains this", in(StepType::event)},
};

} // namespace qt
