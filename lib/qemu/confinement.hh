// What of a confinement an emulator can do. One built without seccomp still gets no network that
// reaches the host, one without user networking (slirp) its card on none; people are told.
#pragma once

#include "qemu/machine.hh"

namespace qt {

// Takes back what the emulator lacks and says so on stderr. Starts it to ask, unless the answer is
// remembered (probe.hh) or nothing is to be confined. `machine` with its arguments. Throws Error if
// the emulator does not answer: what cannot be asked is not run unconfined.
void fit_confinement(MachineOptions& machine);

} // namespace qt
