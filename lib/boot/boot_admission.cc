#include "boot/boot_admission.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "ipc/run_dir.hh"
#include "qemu/emulator.hh"
#include "qemu/probe.hh"

namespace qt {

namespace {

Demand demand_of(const MachineOptions& machine, const AdmissionLimits& limits) {
  const std::string program = choose_emulator(machine.qemu, "", "generic").program;
  Demand demand{1, 0};
  if (limits.memory && !program.empty()) {
    demand.memory =
        Probe(program, probe_folder()).memory(machine.machine.value_or("none"), machine.arguments);
  }
  return demand;
}

} // namespace

std::unique_ptr<Admission> admit(const BootOptions& boot) {
  const AdmissionLimits limits = admission_limits();
  if (!limits.any()) {
    return nullptr;
  }
  const Demand demand = demand_of(boot.machine, limits);
  const bool is_outermost = env::text(k_vms_variable).empty();
  const std::string refusal = is_outermost ? limits.refusal(demand) : "";
  if (!refusal.empty()) {
    throw Error(refusal, ExitCode::absent);
  }
  auto place = std::make_unique<Admission>(admission_folder());
  if (is_outermost) {
    place->wait(demand, limits, -1, Deadline::never());
  } else {
    place->enter(demand);
  }
  return place;
}

} // namespace qt
