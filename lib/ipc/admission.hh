// How many machines run at once, and with how much memory in all: a pool that all runs of a user on
// a host share, off unless one of these is set:
//   QEMU_TEST_MAX_VMS     machines at once, such as 4
//   QEMU_TEST_MAX_MEMORY  memory of their guests together, such as 16G
// Each run keeps its own limits and looks at what all the others use. First come, first served: one
// that needs much is not passed by those after it. What a test needs it gets at once or not at
// all, so that no two wait for each other's half.
//
// The pool is the folder "qemu-test-admission" in $XDG_RUNTIME_DIR, else in /run/user/UID, else
// /tmp/qemu-test-admission-UID; it is the user's own and nobody else may write there. In it are two
// kinds of named pipes, looked at and changed under a lock of the folder (flock):
//   wait.NUMBER            stands in the queue, lower numbers first
//   run.NUMBER.VMS.BYTES   has been admitted
// Whoever made one holds its reading end. A writing end cannot be opened without it, and one that
// is open gets an error when it goes: so everyone sees at once that a process is dead, and whoever
// waits is woken. What the dead left is swept up by the next who looks.
#pragma once

#include "base/duration.hh"
#include "os/fd.hh"

#include <cstdint>
#include <optional>
#include <string>

namespace qt {

inline constexpr const char* k_max_vms_variable = "QEMU_TEST_MAX_VMS";
inline constexpr const char* k_max_memory_variable = "QEMU_TEST_MAX_MEMORY";
// Set for whatever runs inside an admitted test: its machines have been counted.
inline constexpr const char* k_admitted_variable = "QEMU_TEST_ADMITTED";

struct Demand {
  std::uint64_t vms = 0;
  std::uint64_t memory = 0; // bytes
};

struct AdmissionLimits {
  std::optional<std::uint64_t> vms;
  std::optional<std::uint64_t> memory; // bytes

  bool any() const noexcept { return vms || memory; }
  // Why this demand can never be met: "needs 2 machines at once; QEMU_TEST_MAX_VMS allows 1"; empty
  // if it can.
  std::string refusal(const Demand& demand) const;
};

// From the environment; none where this process runs inside an admitted test. Throws
// Error(ExitCode::usage) if a variable is not a number or size.
AdmissionLimits admission_limits();

// A place among those admitted, for as long as the object lives.
class Admission {
public:
  // Stands in the queue; `folder` as admission_folder() gives it.
  explicit Admission(const std::string& folder);
  // Gives the place up; those who wait are woken.
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Waits until the demand fits, for the deadline, or until `interrupt` (-1: none) is readable,
  // whichever comes first. True if it was admitted. `limits` must not refuse the demand. Throws
  // Error if the pool cannot be used.
  bool wait(const Demand& demand, const AdmissionLimits& limits, int interrupt, Deadline deadline);
  // Counts as admitted whatever the limits are.
  void enter(const Demand& demand);

private:
  struct Pool;
  bool try_enter(const Demand& demand, const AdmissionLimits& limits, Pool& pool);
  void enter_locked(const Demand& demand);
  std::string path(const std::string& name) const { return m_folder + "/" + name; }

  std::string m_folder;
  std::uint64_t m_number = 0;
  std::string m_name; // of the pipe held now
  UniqueFd m_pipe;
};

// Makes the pool's folder if need be. Throws Error if it is not safe to use.
std::string admission_folder();

} // namespace qt
