// Admission (admission.hh) of a machine that is started by hand: it waits for its turn like a test.
// Inside the chain of another machine it does not: what is around it would wait for it, and so it
// is only counted.
#pragma once

#include "boot/boot.hh"
#include "ipc/admission.hh"

#include <memory>

namespace qt {

// The machine's place, for as long as it runs; null where nothing is limited. Blocks, without
// deadline, until it is admitted; starts the emulator to ask for its memory if that is limited.
// Throws Error(ExitCode::absent) if the limits can never be met, Error if the pool cannot be used.
std::unique_ptr<Admission> admit(const BootOptions& boot);

} // namespace qt
