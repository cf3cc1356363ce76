#include "tap/scene_probe.hh"

#include "tap/condition.hh"

#include <algorithm>

namespace qt {

SceneProbe::SceneProbe(const Subtest& subtest, const Scene& scene)
  : m_subtest(subtest)
  , m_scene(scene)
  , m_folder(probe_folder()) {}

Probe& SceneProbe::probe(const std::string& program) {
  return m_probes.try_emplace(program, program, m_folder).first->second;
}

// A machine is required of its own emulator, and only if the definition does not waive it. Takes
// those that belong to a machine out of `others`.
std::string SceneProbe::unmet_by_machines(Json& others) {
  const Json listed = others;
  for (std::size_t i = 0; i < m_subtest.phases.size(); ++i) {
    for (std::size_t j = 0; j < m_subtest.phases[i].vms.size(); ++j) {
      Json values = m_subtest.phases[i].vms[j].values;
      const std::string machine = values.value("machine", "");
      const Json type = machine.substr(0, machine.find(','));
      if (std::find(listed.begin(), listed.end(), type) == listed.end()) {
        values.erase("machine");
      }
      others.erase(std::remove(others.begin(), others.end(), type), others.end());
      if (values.contains("machine") || values.contains("accel")) {
        const std::string& program = m_scene.emulators[i][j].program;
        const std::string unmet = unmet_by_machine(values, program, probe(program));
        if (!unmet.empty()) {
          return unmet;
        }
      }
    }
  }
  return "";
}

// The commands that steps ask the monitor for, unless a step expects that there is no such command.
// A step that names no machine is for the only one; which of several is said for all of them.
std::string SceneProbe::unmet_by_steps() {
  for (std::size_t i = 0; i < m_subtest.phases.size(); ++i) {
    const Phase& phase = m_subtest.phases[i];
    for (const Step& step : phase.steps) {
      const std::string command = step.text("qmp");
      const std::string named =
          step.text("vm").empty() ? json_text(phase.dialogue, "vm") : step.text("vm");
      if (command.empty() || command.find("${") != std::string::npos ||
          step.text("error") == "CommandNotFound") {
        continue;
      }
      for (std::size_t j = 0; j < phase.vms.size(); ++j) {
        const std::string& program = m_scene.emulators[i][j].program;
        const bool is_meant = phase.vms.size() == 1 || phase.vms[j].name == named;
        const std::string unmet =
            is_meant ? unmet_command_of_monitor(command, program, probe(program)) : "";
        if (!unmet.empty()) {
          return unmet;
        }
      }
    }
  }
  return "";
}

std::string SceneProbe::unmet() {
  std::string unmet = unmet_by_answers();
  bool is_news = false;
  for (auto probe = m_probes.begin(); !unmet.empty() && probe != m_probes.end(); ++probe) {
    is_news = probe->second.ask_again() || is_news;
  }
  return is_news ? unmet_by_answers() : unmet;
}

std::string SceneProbe::unmet_by_answers() {
  Json required = m_subtest.required;
  Json others = required.value("machine", Json::array());
  std::string unmet = unmet_by_machines(others);
  if (unmet.empty()) {
    unmet = unmet_by_steps();
  }
  if (!unmet.empty()) {
    return unmet;
  }
  required["machine"] = others;
  if (others.empty()) {
    required.erase("machine");
  }
  const bool asks =
      std::any_of(required.items().begin(), required.items().end(), [](const auto& i) {
        return i.key() == "machine" || i.key() == "accel" || i.key() == "device" ||
               i.key() == "netdev" || i.key() == "qemu-version" || i.key() == "qmp" ||
               i.key() == "config";
      });
  if (!asks) {
    return "";
  }
  const Emulator& main = m_scene.main;
  if (main.program.empty()) {
    return absence_of(main);
  }
  return unmet_by_emulator(required, main.program, probe(main.program));
}

Demand SceneProbe::demand(Count count) {
  Demand most;
  for (std::size_t i = 0; i < m_subtest.phases.size(); ++i) {
    const std::vector<Vm>& vms = m_subtest.phases[i].vms;
    Demand demand{vms.size(), 0};
    for (std::size_t j = 0; count == Count::machines_and_memory && j < vms.size(); ++j) {
      const Json& values = vms[j].values;
      demand.memory += probe(m_scene.emulators[i][j].program)
                           .memory(values.value("machine", ""),
                                   values.value("args", std::vector<std::string>()));
    }
    most = {std::max(most.vms, demand.vms), std::max(most.memory, demand.memory)};
  }
  return most;
}

} // namespace qt
