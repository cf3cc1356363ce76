#include "qemu/confinement.hh"

#include "base/format.hh"
#include "base/log.hh"
#include "qemu/emulator.hh"
#include "qemu/probe.hh"

namespace qt {

void fit_confinement(MachineOptions& machine) {
  const bool restricted =
      machine.network == MachineOptions::Network::restricted && !says_network(machine.arguments);
  const std::string program = choose_emulator(machine.qemu, "", "generic").program;
  if ((machine.sandbox == MachineOptions::Sandbox::off && !restricted) || program.empty()) {
    return; // that there is no emulator is found when it is started
  }
  Probe probe(program, probe_folder());
  if (machine.sandbox == MachineOptions::Sandbox::on && !probe.has_sandbox()) {
    machine.sandbox = MachineOptions::Sandbox::off;
    log_warning(format("option --confine: {} has no -sandbox: it runs without", program));
  }
  if (restricted && machine.machine != "none" && !probe.has_netdev("user")) {
    machine.network = MachineOptions::Network::none;
    log_warning(format("option --confine: {} has no user network: the machine gets no "
                       "card",
                       program));
  }
}

} // namespace qt
