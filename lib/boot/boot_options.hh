// What one run of qt-boot is told, and how that comes about: from what one asks of the program to
// what boot() needs, the place among the machines of this host, and the folder for its files.
#pragma once

#include "boot/hold.hh"
#include "boot/judgement.hh"
#include "data/json.hh"
#include "ipc/admission.hh"
#include "os/bounded_log.hh"
#include "qemu/machine.hh"

#include <memory>
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
  std::vector<std::string> ready;        // of the services, before QEMU starts (services.hh)
  std::vector<int> inherited;            // descriptors that QEMU and the services inherit
  std::optional<Duration> timeout;       // as named (timeout_multiplier.hh)
  std::uint64_t log_limit = k_log_limit; // of each log file; of all together eight times that
  OnFail on_fail = OnFail::end;
  bool gdb = false;                 // QEMU runs under gdb at the terminal (qemu_process.hh)
  bool gdb_stub = false;            // QEMU waits for gdb on a port that is said (qemu_process.hh)
  std::vector<std::string> program; // empty: standard input and output are the console
};

// What the command line asks for.
struct BootRequest {
  Json machine = Json::object(); // by vm_keys(), in normal form
  std::optional<std::string> name;
  std::optional<std::string> run_dir;
  std::optional<Duration> timeout;      // as named (timeout_multiplier.hh)
  std::optional<std::string> log_limit; // a size
  std::vector<std::string> descriptors; // numbers of open ones, for QEMU to inherit
  OnFail on_fail = OnFail::end;
  bool gdb = false;
  bool gdb_stub = false;
};

// The keys of a machine and the options of a run are checked, and what depends on the host is
// looked up: the emulator's name, descriptors that are open, a device for panics, the path of
// QEMU_TEST_QMP_BACKDOOR. Refuses what would only come out once the machine runs. Leaves QEMU's own
// arguments and the program to the caller. With the key "pvpanic" it starts the emulator to look
// for a bus: 10 s at most. Throws Error(ExitCode::usage) naming the option, or QEMU_TEST_VMS if the
// chain around is broken.
BootOptions boot_options(const BootRequest& request);

// The machine's place among those of this host (admission.hh), for as long as it runs: one that is
// started by hand waits for its turn like a test. Inside the chain of another machine it does not:
// what is around it would wait for it, and so it is only counted.
//
// Null where nothing is limited. Blocks, without deadline, until it is admitted; starts the
// emulator to ask for its memory if that is limited. Throws Error(ExitCode::absent) if the limits
// can never be met, Error if the pool cannot be used.
std::unique_ptr<Admission> admit(const BootOptions& boot);

// Where the files of a run go: the folder that the user names, that of the chain, or a new one,
// which is kept only if there is something to see in it.
class RunFolder {
public:
  // `wanted`: empty for that of the chain ($QEMU_TEST_RUN_DIR), else a new one under $TMPDIR. The
  // outermost qt-boot of a chain clears away what an earlier run has judged. Throws Error.
  explicit RunFolder(const std::string& wanted);

  const std::string& path() const { return m_path; } // absolute

  // Whether the run's files tell anything.
  enum class Interest { none, some };
  // Removes a folder of our own without interest, unless people want to see it; names it otherwise.
  void finish(Interest interest) const;

private:
  std::string m_path;
  bool m_own = false;
};

} // namespace qt
