// The rows of the vocabulary for every step, and for what stands before the first one.
#pragma once

#include "schema/key.hh"
#include "schema/step_type.hh"

#include <array>

namespace qt {

inline constexpr std::array k_common_modifiers = {
    Key{"vm", Type::text, "NAME", "which machine, where there are several", k_any_step},
    Key{"console", Type::console, "N", "which console", k_any_step},
    Key{"timeout", Type::duration, "TIME", "the step's own deadline", k_any_step},
    Key{"mark", Type::text, "NAME", "record the time since the mark before, under NAME",
        k_any_step},
    Key{"budget", Type::duration, "TIME", "with --mark: warn if that time is longer than TIME",
        k_any_step},
};

inline constexpr std::array k_dialogue = {
    Key{"timeout", Type::duration, "TIME", "deadline of the whole dialogue"},
    Key{"idle-timeout", Type::duration, "TIME",
        "fail when the console is silent for TIME during a wait"},
    Key{"fail", Type::patterns, "TEXT", "fail whenever TEXT appears"},
    Key{"strip-ansi", Type::flag, "", "match without terminal control sequences"},
    Key{"ignore-printk", Type::flag, "", "also find texts that kernel messages have torn apart"},
    Key{"log-limit", Type::size, "SIZE",
        "largest size of a log; the middle of a longer one is left out (default 256M)"},
    Key{"prompt", Type::text, "TEXT", "what the shell prints after each command of --shell"},
    Key{"vm", Type::text, "NAME", "the machine of steps that do not name one"},
    Key{"pace", Type::duration, "TIME", "pause between typed bytes", 0, Empty::allowed},
    Key{"every", Type::duration, "TIME", "pause between tries"},
    Key{"set", Type::saves, "NAME=VALUE", "the value of ${NAME}, as if a step had saved it"},
    Key{"strict-budgets", Type::flag, "", "a mark that comes later than its budget is a failure"},
};

// Those of them that stand in a test; the others come with qt-tap's own options.
inline constexpr std::array<std::string_view, 7> k_test_dialogue = {
    "timeout", "idle-timeout", "fail", "strip-ansi", "ignore-printk", "log-limit", "prompt"};

} // namespace qt
