// The rows of the vocabulary for the steps of the console.
#pragma once

#include "schema/key.hh"
#include "schema/step_type.hh"

#include <array>

namespace qt {

inline constexpr std::array k_console_steps = {
    Key{"wait", Type::text, "TEXT", "wait until TEXT appears on the console", in(StepType::wait)},
    Key{"wait-regex", Type::regex, "RE", "wait until RE matches; save its named groups",
        in(StepType::wait_regex)},
    Key{"line", Type::text, "TEXT", "type TEXT and CR; its echo satisfies no wait",
        in(StepType::line), Empty::allowed},
    Key{"send", Type::bytes, "KEYS", "type just these keys (\\r \\e \\x03)", in(StepType::send)},
    Key{"interrupt", Type::bytes, "KEYS", "repeat KEYS until the text of --until",
        in(StepType::interrupt)},
    Key{"shell", Type::text, "COMMAND", "run COMMAND in the guest's shell and judge its status",
        in(StepType::shell)},
};

inline constexpr std::array k_console_modifiers = {
    Key{"fail", Type::patterns, "TEXT", "fail when TEXT appears during this wait", k_waiting},
    Key{"ignore-printk", Type::flag, "", "also find texts that kernel messages have torn apart",
        k_waiting},
    Key{"idle-timeout", Type::duration, "TIME", "fail when the console is silent for TIME",
        k_waiting},
    Key{"pace", Type::duration, "TIME", "pause between bytes", k_typing, Empty::allowed},
    Key{"until", Type::text, "TEXT", "the text that ends the step", in(StepType::interrupt)},
    Key{"every", Type::duration, "TIME", "pause between tries", in(StepType::interrupt)},
    Key{"prompt", Type::text, "TEXT", "what the shell prints after the command",
        in(StepType::shell)},
};

} // namespace qt
