// One run of qt-boot: starts the daemons, QEMU and the program with the channels between them,
// supervises them (supervisor.hh), judges (judgement.hh) and leaves the evidence in the run
// directory. Nothing that it has started is alive when boot() returns, however it returns.
#pragma once

#include "boot/hold.hh"
#include "boot/judgement.hh"
#include "os/bounded_log.hh"
#include "qemu/machine.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

struct BootOptions {
  MachineOptions machine;
  Expectations expected;
  Json output_checks = Json::object(); // of QEMU's own output, in the vocabulary's normal form
  std::vector<std::string> skip_if_output;
  std::string name = k_default_vm;
  // Absolute; empty: that of the chain ($QEMU_TEST_RUN_DIR), else a new one under $TMPDIR.
  std::string run_dir;
  bool monitors = true;             // QEMU gets one for the program and one for us
  std::vector<std::string> wrapper; // the command that starts QEMU (qemu_process.hh); or empty
  std::vector<std::vector<std::string>> services;
  std::vector<std::string> ready;        // of the services, before QEMU starts (readiness.hh)
  std::vector<int> inherited;            // descriptors that QEMU and the services inherit
  std::optional<Duration> timeout;       // as named (timeout_multiplier.hh)
  std::uint64_t log_limit = k_log_limit; // of each log file; of all together eight times that
  OnFail on_fail = OnFail::end;
  bool gdb = false;                 // QEMU runs under gdb at the terminal (debugger.hh)
  bool gdb_stub = false;            // QEMU waits for gdb on a port that is said (gdb_stub.hh)
  std::vector<std::string> program; // empty: standard input and output are the console
};

// Reports a failure on stderr, writes the verdict and gives the exit status. Throws Error if the
// machine or the program could not be started (a verdict has been written then, too).
int boot(const BootOptions& options);

} // namespace qt
