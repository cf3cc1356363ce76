// One run of qt-boot: starts the daemons, QEMU and the program with the channels between them,
// supervises them (supervisor.hh), judges (judgement.hh) and leaves the evidence in the run
// directory. Nothing that it has started is alive when boot() returns, however it returns.
#pragma once

#include "boot/boot_options.hh"

namespace qt {

// Reports a failure on stderr, writes the verdict and gives the exit status. Throws Error if the
// machine or the program could not be started (a verdict has been written then, too).
int boot(const BootOptions& options);

} // namespace qt
