// The rows of the vocabulary for every step, and for what stands before the first one.
#pragma once

#include "key.hh"
#include "step_type.hh"

#include <array>

namespace qt {

inline constexpr std::array k_common_modifiers = {
    Key{"vm", Type::text, "NAME", "the machine meant, where there are several", k_any_step},
    Key{"console", Type::console, "N", "the console meant", k_any_step},
    Key{"timeout", Type::duration, "TIME", "the step's own deadline", k_any_step},
};

inline constexpr std::array k_dialogue = {
    Key{"timeout", Type::duration, "TIME", "deadline of the whole dialogue"},
    Key{"fail", Type::patterns, "TEXT", "fail whenever TEXT appears"},
    Key{"vm", Type::text, "NAME", "the machine that steps mean by default"},
    Key{"pace", Type::duration, "TIME", "pause between typed bytes"},
    Key{"every", Type::duration, "TIME", "pause between tries"},
};

} // namespace qt
