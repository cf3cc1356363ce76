// QEMU_TEST_TIMEOUT_MULTIPLIER: deadlines for a host that is slower than the one they were chosen
// on. It multiplies every deadline that a definition or an option names ("timeout", "idle-timeout",
// "budget"), once, where the waiting is done; spans that are not deadlines ("every", "pace",
// "sleep", "running") stay as they are. A command line has the times before it is applied: each
// program of a chain finds the variable itself.
#pragma once

#include "base/duration.hh"

#include <optional>
#include <string>

namespace qt {

inline constexpr const char* k_timeout_multiplier_variable = "QEMU_TEST_TIMEOUT_MULTIPLIER";

// 1 if the variable is not set or empty. Throws Error(ExitCode::usage) if it is not a number over
// 0.
double timeout_multiplier();

// A deadline as named → as it is, and back. At least 1 ms unless it is 0.
Duration scaled(Duration named);
std::optional<Duration> scaled(std::optional<Duration> named);
Duration unscaled(Duration actual);

// How a message says a deadline as named: "30s", or "90s (30s with
// QEMU_TEST_TIMEOUT_MULTIPLIER=3)".
std::string scaled_text(Duration named);

} // namespace qt
