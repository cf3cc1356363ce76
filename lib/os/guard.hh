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

// Called in a child of `parent`, which becomes a guard. Forks: `run` is called in the guard's
// child, with the guard's process number. It works in the guard's memory, which stands still
// meanwhile (vfork), must not return, and changes nothing. Gives errno if this process cannot be a
// guard; otherwise the guard never returns: it ends as its child does, when nothing is left of its
// descendants. It leaves the process group, so that whoever ends the whole group with SIGKILL
// leaves someone to end those who had left the group before.
//
// `report`: the writing end of a pipe that is closed on exec. The guard writes the child's process
// number (pid_t) at once, and how the child has ended (int, as wait(2) gives it) before it ends
// itself: of a core file its own end could not tell.
int guard_a_child(pid_t parent, int report, void (*run)(const void* what, pid_t guard),
                  const void* what) noexcept;

} // namespace qt
