#include "tap/scene.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/substitute.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "qemu/probe.hh"

#include <array>
#include <ctime>

namespace qt {

namespace {

// "%Y" → "2026", in UTC as guests see it.
std::string date_text(const std::string& pattern) {
  const std::time_t now = std::time(nullptr);
  std::tm utc;
  ::gmtime_r(&now, &utc);
  std::array<char, 256> text;
  return {text.data(), std::strftime(text.data(), text.size(), pattern.c_str(), &utc)};
}

// A plugin of QEMU's build: "libinsn" or "insn".
std::string find_plugin(const std::string& build, const std::string& name) {
  for (const char* folder : {"tests/tcg/plugins", "contrib/plugins"}) {
    for (const char* prefix : {"", "lib"}) {
      std::string path = format("{}/{}/{}{}.so", build, folder, prefix, name);
      if (exists(path)) {
        return path;
      }
    }
  }
  return "";
}

int port_number(std::string_view text, Reservation& reservation) {
  const std::optional<PortReference> reference = parse_port_reference(text);
  if (!reference) {
    throw Error(format("'${{port.{}}}' is not a port; expected ${{port.NAME}} or "
                       "${{port.NAME-5900}}",
                       text),
                ExitCode::usage);
  }
  return reservation.port(reference->name) + static_cast<int>(reference->offset);
}

// The nearest folder from `path` upwards that Meson has configured; empty if there is none.
std::string build_folder_above(std::string path) {
  while (path.size() > 1) {
    if (exists(path + "/meson-info/intro-targets.json")) {
      return path;
    }
    path = parent_of(path);
  }
  return "";
}

// The first machine of the subtest; nullptr if it has none.
const Vm* first_machine(const Subtest& subtest) {
  for (const Phase& phase : subtest.phases) {
    if (!phase.vms.empty()) {
      return &phase.vms.front();
    }
  }
  return nullptr;
}

} // namespace

Values values_of(const std::vector<std::string>& variables, const ValueSources& sources,
                 Reservation& reservation) {
  Values result;
  result.values = sources.payloads;
  const auto need = [&result](const std::string& value, const std::string& why) {
    if (value.empty() && result.missing.empty()) {
      result.missing = why;
    }
    return value;
  };
  const std::map<std::string_view, std::string> plain = {
      {"scratch", sources.scratch},       {"data", sources.data},
      {"build", sources.build},           {"arch", sources.emulator.arch},
      {"qemu", sources.emulator.program},
  };
  for (const std::string& name : variables) {
    std::string& value = result.values[name];
    const std::string rest = name.substr(name.find_first_of(".:") + 1);
    if (const auto known = plain.find(name); known != plain.end()) {
      value = known->second;
    } else if (name == "socket") {
      value = reservation.socket_folder(sources.scratch);
    } else if (name == "qemu-img") {
      value = need(choose_qemu_img(sources.emulator.program).program,
                   format("needs qemu-img; install it or set {}", k_qemu_img_variable));
    } else if (name == "firmware" && !sources.emulator.program.empty()) {
      value = need(Probe(sources.emulator.program, probe_folder()).firmware_folder(),
                   format("{} -L help names no folder", sources.emulator.program));
    } else if (name.starts_with("port.")) {
      value = std::to_string(port_number(rest, reservation));
    } else if (name.starts_with("plugin.")) {
      value = need(find_plugin(sources.build, rest),
                   format("needs the plugin {} in {}", rest, sources.build));
    } else if (name.starts_with("support.")) {
      const std::string path = format("{}/{}", sources.support, rest);
      value = need(exists(path) ? path : "", format("needs the program {}; compile it", path));
    } else if (name.starts_with("date:")) {
      value = date_text(rest);
    } else if (name.starts_with("fd.")) {
      value = std::to_string(reservation.descriptor(rest));
    }
  }
  result.values.erase("log"); // each phase has its own
  return result;
}

std::string find_build_folder() {
  if (const std::string named = env::text("MESON_BUILD_ROOT"); !named.empty()) {
    return absolute_path(named);
  }
  const std::string here = build_folder_above(absolute_path("."));
  return here.empty() ? build_folder_above(folder_of_this_program()) : here;
}

std::string find_support_folder() {
  return parent_of(folder_of_this_program()) + "/tests/functional/support";
}

bool RunSettings::keeps_scratch() const {
  return keep_scratch == KeepScratch::yes || env::flag("QEMU_TEST_KEEP_SCRATCH");
}

namespace {

// `name` of a subtest as part of a path: letters, digits and ._+-=@[] as they are, others as %XX.
// QEMU would take a comma in a path for the end of an option.
std::string path_part(std::string_view name) {
  constexpr std::string_view k_plain = "._+-=@[]";
  std::string part;
  for (const char letter : name) {
    const bool is_plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                          (letter >= '0' && letter <= '9') ||
                          k_plain.find(letter) != std::string_view::npos;
    part +=
        is_plain ? std::string(1, letter) : format("%{:02X}", static_cast<unsigned char>(letter));
  }
  return part;
}

constexpr const char* k_dot = "%2E";

// "FILE.SUBTEST", which no other file, subtest or repetition has: the first dot ends the file's
// name, and a number after the last one is that of a repetition.
std::string subtest_folder(const std::string& file, const std::string& subtest) {
  std::string first = path_part(file);
  for (std::size_t at = 0; (at = first.find('.', at)) != std::string::npos;) {
    first.replace(at, 1, k_dot);
  }
  std::string second = path_part(subtest);
  const std::size_t end = second.find_last_not_of("0123456789");
  if (end != std::string::npos && end + 1 < second.size() && second[end] == '.') {
    second.replace(end, 1, k_dot);
  }
  return format("{}.{}", first, second);
}

// For texts that are wanted before anything is prepared: only ${build} and ${data} are known.
std::string filled_early(const std::string& text, const Definition& definition,
                         const RunSettings& settings) {
  const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (name == "build") {
      return settings.build;
    }
    return name == "data" ? std::optional(definition.folder) : std::nullopt;
  };
  return substitute(text, lookup, Pass::last);
}

// What the machine itself asks for; empty: nothing, or `vm` is nullptr.
std::string own_emulator(const Definition& definition, const Vm* vm, const RunSettings& settings) {
  return vm != nullptr ? filled_early(vm->values.value("qemu", ""), definition, settings) : "";
}

} // namespace

Emulator emulator_of(const Definition& definition, const Vm* vm, const RunSettings& settings) {
  return choose_emulator(settings.qemu, own_emulator(definition, vm, settings), definition.arch);
}

Json requirements_of(const Definition& definition, const Subtest& subtest,
                     const RunSettings& settings) {
  Json required = subtest.required;
  if (const auto commands = required.find("commands"); commands != required.end()) {
    for (Json& command : *commands) {
      command = filled_early(command.get<std::string>(), definition, settings);
    }
  }
  return required;
}

std::string run_dir_of(const Definition& definition, const Subtest& subtest,
                       const RunSettings& settings) {
  std::string arch = definition.arch;
  if (arch == "generic") {
    const std::string own = own_emulator(definition, first_machine(subtest), settings);
    arch = emulator_arch(wanted_emulator(settings.qemu, own, arch));
  }
  const std::string repetition =
      settings.iteration > 1 ? format(".{}", settings.iteration) : std::string();
  return format("{}/{}/{}{}", settings.results, path_part(arch),
                subtest_folder(definition.stem, subtest.name), repetition);
}

Scene set_scene(const Definition& definition, const Subtest& subtest, const RunSettings& settings,
                const std::string& run_dir, Reservation& reservation) {
  Scene scene;
  scene.run_dir = run_dir;
  scene.scratch = scratch_path(run_dir);
  const Vm* const first = first_machine(subtest);
  scene.main = emulator_of(definition, first, settings);
  for (const Phase& phase : subtest.phases) {
    std::vector<Emulator>& emulators = scene.emulators.emplace_back();
    for (const Vm& vm : phase.vms) {
      emulators.push_back(&vm == first ? scene.main : emulator_of(definition, &vm, settings));
      if (emulators.back().program.empty() && scene.missing.empty()) {
        scene.missing = absence_of(emulators.back());
      }
    }
  }
  scene.is_untrusted = subtest.required.contains("untrusted");
  const PayloadPlaces places = {
      settings.programs,
      format("{}/prepared/{}/{}", settings.results, path_part(definition.arch),
             path_part(definition.stem)),
      settings.prepared,
      scene.scratch,
  };
  scene.preparation = plan_preparation(definition, subtest.variables, places);
  const ValueSources sources = {
      scene.scratch,     settings.build, settings.support,
      definition.folder, scene.main,     scene.preparation.paths,
  };
  scene.values = values_of(subtest.variables, sources, reservation);
  for (const std::string& missing : {scene.preparation.missing, scene.values.missing}) {
    scene.missing = scene.missing.empty() ? missing : scene.missing;
  }
  return scene;
}

PlanInput Scene::plan_input(const RunSettings& settings) const {
  PlanInput input;
  input.confine = is_untrusted ? "sandbox" : "";
  input.on_fail = settings.on_fail;
  input.gdb = settings.gdb;
  input.gdb_stub = settings.gdb_stub;
  input.strict_budgets = settings.strict_budgets;
  input.breaks = settings.breaks;
  input.programs = settings.programs;
  input.run_dir = run_dir;
  input.checks = settings.checks;
  for (const std::vector<Emulator>& machines : emulators) {
    std::vector<std::string>& paths = input.emulators.emplace_back();
    for (const Emulator& emulator : machines) {
      paths.push_back(emulator.program.empty() ? emulator.wanted : emulator.program);
    }
  }
  input.variables = values.values;
  return input;
}

} // namespace qt
