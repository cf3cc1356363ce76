#include "tap/condition.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "definition/requirement.hh"
#include "os/file.hh"
#include "qemu/emulator.hh"
#include "schema/build_word.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace qt {

namespace {

std::vector<std::string> texts_of(const Json& value) {
  return value.get<std::vector<std::string>>();
}

std::string any_of_text(const Json& value) { return join(texts_of(value), " or "); }

bool has_element(const Json& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

// The Debian package of a program that tests ask for; empty: not known.
std::string package_of(const std::string& command) {
  static const std::map<std::string_view, std::string_view> packages = {
      {"cpio", "cpio"},
      {"dtc", "device-tree-compiler"},
      {"gdb", "gdb"},
      {"gdb-multiarch", "gdb-multiarch"},
      {"genisoimage", "genisoimage"},
      {"iasl", "acpica-tools"},
      {"mcopy", "mtools"},
      {"mformat", "mtools"},
      {"mkimage", "u-boot-tools"},
      {"ncat", "ncat"},
      {"passt", "passt"},
      {"python3", "python3"},
      {"qemu-arm", "qemu-user"},
      {"qemu-img", "qemu-utils"},
      {"qemu-io", "qemu-utils"},
      {"qemu-nbd", "qemu-utils"},
      {"socat", "socat"},
      {"ssh", "openssh-client"},
      {"swtpm", "swtpm"},
      {"tesseract", "tesseract-ocr"},
      {"vulkaninfo", "vulkan-tools"},
      {"xorriso", "xorriso"},
  };
  const auto found = packages.find(command);
  return found == packages.end() ? "" : std::string(found->second);
}

// All that is missing, so that one command installs it.
std::string unmet_commands(const Json& value) {
  std::vector<std::string> missing;
  std::vector<std::string> packages;
  for (const std::string& command : texts_of(value)) {
    if (find_program(command)) {
      continue;
    }
    missing.push_back(command);
    const std::string package = package_of(command);
    if (!package.empty() &&
        std::find(packages.begin(), packages.end(), package) == packages.end()) {
      packages.push_back(package);
    }
  }
  if (missing.empty()) {
    return "";
  }
  const bool is_one = missing.size() == 1;
  return format("needs the program{} {}; install {}{}", is_one ? "" : "s", join(missing, ", "),
                is_one ? "it" : "them",
                packages.empty() ? "" : format(" (Debian: {})", join(packages, " ")));
}

// "NAME", or "NAME=EXAMPLE" to say what it may be set to.
std::string unmet_variables(const Json& value) {
  std::vector<std::string> missing;
  for (const std::string& variable : texts_of(value)) {
    const std::size_t equals = variable.find('=');
    const std::string name = variable.substr(0, equals);
    if (env::text(name.c_str()).empty()) {
      missing.push_back(equals == std::string::npos
                            ? format("{} (to what: see the definition)", name)
                            : format("{}, for example {}", name, variable));
    }
  }
  return missing.empty() ? "" : format("needs the environment: set {}", join(missing, "; set "));
}

std::string unmet_host_arch(const Json& value) {
  utsname host;
  ::uname(&host);
  const bool fits = has_element(value, host_arch()) || has_element(value, host.machine);
  return fits ? "" : format("needs a host of {}; this is {}", any_of_text(value), host.machine);
}

std::string host_system() {
  utsname host;
  ::uname(&host);
  return lower_case(host.sysname);
}

std::string unmet_host_os(const Json& value) {
  const std::string system = host_system();
  return has_element(value, system) ? ""
                                    : format("needs {}; this is {}", any_of_text(value), system);
}

std::string unmet_locked_memory(const Json& value) {
  const std::string text = value.get<std::string>();
  const std::uint64_t wanted = parse_size(text).value_or(0);
  rlimit limit;
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_max == RLIM_INFINITY ||
      limit.rlim_max >= wanted) {
    return "";
  }
  return format("needs {} of locked memory; the hard limit is {} KiB, raise it (ulimit -Hl)", text,
                limit.rlim_max / 1024);
}

std::string unless_allowed(const char* variable, std::string_view what) {
  return env::flag(variable) ? "" : format("{}; set {}=1 to run it", what, variable);
}

std::string unmet_network(const Json&) {
  if (env::flag("QEMU_TEST_NO_DOWNLOAD")) {
    return "needs the internet; unset QEMU_TEST_NO_DOWNLOAD to run it";
  }
  return unless_allowed("QEMU_TEST_ALLOW_NETWORK", "needs the internet");
}

std::string unmet_stability(const Json& value) {
  const Flaky flaky = flaky_of(value);
  const std::size_t colon = flaky.on.find(':');
  const Json host = Json::array({flaky.on.substr(std::min(colon, flaky.on.size() - 1) + 1)});
  const bool is_elsewhere =
      !flaky.on.empty() &&
      !(flaky.on.starts_with("host-arch:") ? unmet_host_arch(host) : unmet_host_os(host)).empty();
  return is_elsewhere
             ? ""
             : unless_allowed("QEMU_TEST_FLAKY_TESTS", format("unstable ({})", flaky_text(flaky)));
}

struct HostCondition {
  const char* key;
  std::function<std::string(const Json& value)> unmet;
};

const std::array<HostCondition, 11>& host_conditions() {
  static const std::array<HostCondition, 11> conditions = {{
      {"disabled",
       [](const Json& value) { return format("disabled: {}", value.get<std::string>()); }},
      {"flaky", unmet_stability},
      {"untrusted",
       [](const Json&) {
         return unless_allowed("QEMU_TEST_ALLOW_UNTRUSTED_CODE", "runs untrusted code");
       }},
      {"large-storage",
       [](const Json&) {
         return unless_allowed("QEMU_TEST_ALLOW_LARGE_STORAGE", "needs much storage");
       }},
      {"slow",
       [](const Json&) { return unless_allowed("QEMU_TEST_ALLOW_SLOW", "runs very long"); }},
      {"network", unmet_network},
      {"host-arch", unmet_host_arch},
      {"host-os", unmet_host_os},
      {"commands", unmet_commands},
      {"env", unmet_variables},
      {"locked-memory", unmet_locked_memory},
  }};
  return conditions;
}

// Why an accelerator does not work; empty if it does.
std::string unmet_accelerator(const std::string& name, const std::string& program, Probe& probe) {
  if (probe.has_accelerator(name)) {
    return name == "kvm" && ::access("/dev/kvm", R_OK | W_OK) < 0
               ? format("needs the accelerator kvm: /dev/kvm: {}", std::strerror(errno))
               : "";
  }
  // Where each is at home, as uname(1) and as people call it.
  static const std::map<std::string_view, std::pair<std::string_view, std::string_view>> systems = {
      {"hvf", {"darwin", "macOS"}},
      {"kvm", {"linux", "Linux"}},
      {"nvmm", {"netbsd", "NetBSD"}},
      {"whpx", {"windows", "Windows"}},
  };
  const auto home = systems.find(name);
  if (home != systems.end() && home->second.first != host_system()) {
    return format("needs the accelerator {}, which only {} has; this host runs {}", name,
                  home->second.second, host_system());
  }
  return format("{} has no accelerator {}{}", program, name,
                probe.suggest(Probe::Kind::accelerator, name));
}

std::string unmet_accelerators(const std::vector<std::string>& any, const std::string& program,
                               Probe& probe) {
  std::vector<std::string> reasons;
  for (const std::string& name : any) {
    reasons.push_back(unmet_accelerator(name, program, probe));
    if (reasons.back().empty()) {
      return "";
    }
  }
  return reasons.size() == 1
             ? reasons[0]
             : format("needs the accelerator {}: {}", join(any, " or "), join(reasons, "; "));
}

std::string unmet_machine_type(const std::string& name, const std::string& program, Probe& probe) {
  return probe.has_machine(name) ? ""
                                 : format("{} {} has no machine {}{}", program, probe.version(),
                                          name, probe.suggest(Probe::Kind::machine, name));
}

// A variable may have put in what no definition could say.
std::string unmet_build_word(const std::string& text, const std::string& program, Probe& probe) {
  const WantedBuild wanted = wanted_build(text);
  if (wanted.word == nullptr) {
    throw Error("requires: config: " + build_word_mistake(wanted.name), ExitCode::usage);
  }
  const std::string name = base_name(program);
  if (probe.was_built_with(*wanted.word) != wanted.is_without) {
    return "";
  }
  return wanted.is_without ? format("{} {} was built with {}", name, probe.version(), wanted.name)
                           : format("{} {} was built without {}, or the module is not installed",
                                    name, probe.version(), wanted.name);
}

// Of a command of the monitor that a step asks for.
std::string unmet_command_of_monitor(const std::string& name, const std::string& program,
                                     Probe& probe) {
  return probe.has_command(name)
             ? ""
             : format("the monitor of {} {} has no command {}{}", base_name(program),
                      probe.version(), name, probe.suggest(Probe::Kind::command, name));
}

} // namespace

std::string unmet_on_host(const Json& required) {
  std::vector<std::string> all;
  for (const HostCondition& condition : host_conditions()) {
    const auto value = required.find(condition.key);
    std::string unmet = value == required.end() ? "" : condition.unmet(*value);
    if (!unmet.empty()) {
      all.push_back(std::move(unmet));
    }
    if (!all.empty() && std::string_view(condition.key) == "disabled") {
      break; // nothing that one could do
    }
  }
  return join(all, "; and ");
}

std::string unmet_by_emulator(const Json& required, const std::string& program, Probe& probe) {
  const Json nothing = Json::array();
  const auto list = [&required, &nothing](const char* key) -> const Json& {
    const auto found = required.find(key);
    return found == required.end() ? nothing : *found;
  };
  const std::string name = base_name(program);
  const auto version = required.find("qemu-version");
  if (version != required.end() &&
      !version_meets(probe.version(), version->get_ref<const std::string&>())) {
    return format("needs QEMU {}; {} is {}", version->get<std::string>(), program, probe.version());
  }
  const Json& accelerators = list("accel");
  std::string unmet =
      accelerators.empty() ? "" : unmet_accelerators(texts_of(accelerators), name, probe);
  for (const std::string& machine : texts_of(list("machine"))) {
    unmet = unmet.empty() ? unmet_machine_type(machine, name, probe) : unmet;
  }
  for (const std::string& device : texts_of(list("device"))) {
    if (unmet.empty() && !probe.has_device(device)) {
      unmet = format("{} {} has no device {}{}", name, probe.version(), device,
                     probe.suggest(Probe::Kind::device, device));
    }
  }
  for (const std::string& command : texts_of(list("qmp"))) {
    unmet = unmet.empty() ? unmet_command_of_monitor(command, program, probe) : unmet;
  }
  for (const std::string& word : texts_of(list("config"))) {
    unmet = unmet.empty() ? unmet_build_word(word, program, probe) : unmet;
  }
  for (const std::string& netdev : texts_of(list("netdev"))) {
    if (unmet.empty() && !probe.has_netdev(netdev)) {
      unmet = format("{} {} has no network back end {}", name, probe.version(), netdev);
    }
  }
  return unmet;
}

std::string unmet_by_machine(const Json& vm, const std::string& program, Probe& probe) {
  const std::string name = base_name(program);
  const auto first_word = [&vm](const char* key) {
    const std::string text = vm.value(key, "");
    return text.substr(0, text.find(','));
  };
  const std::string machine = first_word("machine");
  const std::string unmet = machine.empty() ? "" : unmet_machine_type(machine, name, probe);
  const std::string accelerator = first_word("accel");
  if (!unmet.empty() || accelerator.empty()) {
    return unmet;
  }
  return unmet_accelerators(split(accelerator, ':'), name, probe);
}

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
