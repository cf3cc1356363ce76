// The process between us and a command that may have children of its own (process.hh says why).
// Runs between fork and exec: nothing here but async-signal-safe calls.
#pragma once

#include <csignal>
#include <sys/types.h>

namespace qt {

// Sent to a guard by its parent: end the command and all its descendants at once. Other signals
// that the parent sends are handed on to the command; those that come to the whole process group
// have come to the command, too.
inline constexpr int k_kill_all = SIGUSR1;

// Called in a child of `parent`, which becomes a guard. Forks; returns 0 in the guard's child, and
// errno in the guard if it cannot be one. Otherwise the guard never returns: it ends as its child
// does, when nothing is left of its descendants.
int guard_a_child(pid_t parent) noexcept;

} // namespace qt
