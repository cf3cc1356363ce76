// qt-boot: starts QEMU with its console and monitors, runs a program against it, supervises both
// and ends them. Everything happens in lib/boot.
#include "admission.hh"
#include "attach.hh"
#include "boot.hh"
#include "cli.hh"
#include "emulator.hh"
#include "error.hh"
#include "file.hh"
#include "key_option.hh"
#include "log.hh"
#include "panic_device.hh"
#include "probe.hh"
#include "run_dir.hh"
#include "text.hh"
#include "text_check.hh"
#include "vocabulary.hh"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <vector>

namespace {

using qt::Json;

// What stands before the first "--", as far as it is not about the machine itself.
struct Options {
  Json machine = Json::object(); // by vm_keys(), in normal form
  std::optional<std::string> name;
  std::optional<std::string> run_dir;
  std::optional<qt::Duration> timeout;
  std::vector<std::string> descriptors;
  qt::OnFail on_fail = qt::OnFail::end;
  std::optional<std::string> attach; // a run directory
  bool typing = false;
};

qt::Error usage(const std::string& message) { return qt::Error(message, qt::ExitCode::usage); }

std::string help_of(const qt::Key& key, const qt::OptionForm& form) {
  return form.name == key.name
             ? std::string(key.help)
             : qt::format("the same with another check: {}",
                          std::string_view(form.name).substr(key.name.size() + 1));
}

qt::CommandLine command_line(Options& options) {
  qt::CommandLine line("[OPTION]… [-- QEMU-ARGUMENT…] [-- PROGRAM [ARGUMENT]…]",
                       "Starts QEMU and runs PROGRAM against its console and monitor; without "
                       "PROGRAM,\nstandard input and output are the console.");
  line.group("The machine");
  for (const qt::Key& key : qt::vm_keys()) {
    if (key.name == "args") { // QEMU's own arguments stand behind "--"
      continue;
    }
    for (const qt::OptionForm& form : qt::option_forms(key)) {
      line.option(form.name, form.argument, help_of(key, form),
                  [&options, &key, name = form.name](const std::string& value) {
                    qt::set_from_option(key, name, value, options.machine);
                  });
    }
  }
  line.group("The run")
      .option("name", "NAME", "the machine's name, if there are several", options.name)
      .option("run-dir", "DIR", "where the logs go (default: a new folder)", options.run_dir)
      .option("timeout", "deadline of the whole run", options.timeout)
      .option("fd", "N", "a descriptor that QEMU inherits; repeatable", options.descriptors)
      .option("on-fail", "end|keep|shell",
              "a failed machine ends; is kept, stopped, to be\nlooked at; gets the terminal",
              [&options](const std::string& word) { options.on_fail = qt::on_fail_from(word); })
      .group("Instead of a run")
      .option("attach", "RUN_DIR", "view the console and monitor of the machine that runs there",
              options.attach)
      .flag("type", "with --attach: what you type goes to the machine", options.typing)
      .example("qt-boot --machine virt -- -bios u-boot.bin -- qt-expect --wait '=> '")
      .exit_codes("0 passed · 1 failed · 2 usage · 77 no such machine, or\n"
                  "skip-if-output · 99 could not judge · 124 deadline · 126/127 cannot execute ·\n"
                  "128+n signal; else what PROGRAM ended with");
  return line;
}

std::string machine_name(const Options& options) {
  const std::string name = options.name.value_or(qt::k_default_vm);
  const auto is_fit = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  if (name.empty() || name[0] == '.' || !std::all_of(name.begin(), name.end(), is_fit)) {
    throw usage(qt::format("option --name: '{}' is not letters, digits, '_', '-' and '.'", name));
  }
  const char* const outer = std::getenv(qt::k_vms_variable);
  for (const qt::VmChannels& vm : qt::parse_vms(outer != nullptr ? outer : "")) {
    if (vm.name == name) {
      throw usage(qt::format("option --name: there is a machine called '{}' already", name));
    }
  }
  return name;
}

std::vector<int> descriptors(const std::vector<std::string>& words) {
  std::vector<int> numbers;
  for (const std::string& word : words) {
    const auto number = qt::parse_integer(word);
    if (!number || *number < 0 || *number > 1 << 20 ||
        ::fcntl(static_cast<int>(*number), F_GETFD) < 0) {
      throw usage(qt::format("option --fd: '{}' is not an open descriptor", word));
    }
    numbers.push_back(static_cast<int>(*number));
  }
  return numbers;
}

std::optional<std::string> text(const Json& given, const char* key) {
  return given.contains(key) ? std::optional(given.at(key).get<std::string>()) : std::nullopt;
}

// Several machines cannot listen on one path: those with a name of their own add it.
std::string backdoor(const std::string& vm) {
  const char* const path = std::getenv("QEMU_TEST_QMP_BACKDOOR");
  if (path == nullptr || *path == '\0') {
    return "";
  }
  return vm == qt::k_default_vm ? path : qt::format("{}.{}", path, vm);
}

// A test that is used for many machines may ask for it on all; without it a panic is still found,
// only later.
std::string panic_device(const qt::MachineOptions& machine) {
  const qt::PanicDevice found = qt::find_panic_device(machine.qemu, machine.machine, machine.cpu);
  if (found.name.empty()) {
    qt::log_warning("option --pvpanic: left out: " + found.why_not);
  }
  return found.name;
}

qt::BootOptions boot_options(const Options& options) {
  const Json& given = options.machine;
  qt::BootOptions boot;
  boot.machine.qemu = qt::choose_emulator("", given.value("qemu", ""), "generic").wanted;
  boot.machine.machine = text(given, "machine");
  boot.machine.cpu = text(given, "cpu");
  boot.machine.accel = text(given, "accel");
  boot.machine.panic_device = given.contains("pvpanic") ? panic_device(boot.machine) : "";
  boot.machine.console = given.value("console", Json(0));
  boot.machine.confine = given.value("confine", "none") == "sandbox"
                             ? qt::MachineOptions::Confine::sandbox
                             : qt::MachineOptions::Confine::none;
  boot.expected.exit = given.value("exit", Json());
  boot.expected.output = given.value("output", Json::object());
  (void)qt::text_mistake(boot.expected.output, "",
                         ""); // a wrong expression is found before the run
  boot.expected.machine_named = given.contains("machine");
  boot.expected.skip_if_output = given.value("skip-if-output", std::vector<std::string>());
  boot.services = given.value("service", std::vector<std::vector<std::string>>());
  boot.ready = given.value("ready", std::vector<std::string>());
  boot.monitors = given.value("qmp", true);
  boot.name = machine_name(options);
  boot.machine.backdoor = boot.monitors ? backdoor(boot.name) : "";
  boot.run_dir = options.run_dir.value_or("");
  boot.timeout = options.timeout;
  boot.on_fail = options.on_fail;
  boot.inherited = descriptors(options.descriptors);
  return boot;
}

// One that is typed by hand waits for its turn like a test. Inside a chain it does not: what is
// around it would wait for it, and so it is only counted.
void take_turn(const qt::BootOptions& boot, std::optional<qt::Admission>& place) {
  const qt::AdmissionLimits limits = qt::admission_limits();
  if (!limits.any()) {
    return;
  }
  const std::string program = qt::choose_emulator(boot.machine.qemu, "", "generic").program;
  qt::Demand demand{1, 0};
  if (limits.memory && !program.empty()) {
    demand.memory = qt::Probe(program, qt::probe_folder())
                        .memory(boot.machine.machine.value_or("none"), boot.machine.arguments);
  }
  const char* const outer = std::getenv(qt::k_vms_variable);
  const bool is_outermost = outer == nullptr || *outer == '\0';
  const std::string refusal = is_outermost ? limits.refusal(demand) : "";
  if (!refusal.empty()) {
    throw qt::Error(refusal, qt::ExitCode::absent);
  }
  place.emplace(qt::admission_folder());
  if (is_outermost) {
    place->wait(demand, limits, -1, qt::Deadline::never());
  } else {
    place->enter(demand);
  }
}

int run(const std::vector<std::string>& words) {
  std::vector<std::vector<std::string>> parts = qt::cut_at_dashes(words, 3);
  Options options;
  if (!command_line(options).parse(parts[0])) {
    return qt::to_int(qt::ExitCode::done);
  }
  if (options.attach) {
    if (parts.size() > 1) {
      throw usage("option --attach: it starts nothing; leave '--' and what follows out");
    }
    return qt::attach({qt::absolute_path(*options.attach), options.name, options.typing});
  }
  qt::BootOptions boot = boot_options(options);
  if (parts.size() > 1) {
    boot.machine.arguments = parts[1];
  }
  if (parts.size() > 2) {
    if (parts[2].empty()) {
      throw usage("there is no PROGRAM behind the second '--'");
    }
    boot.program = parts[2];
  }
  std::optional<qt::Admission> place;
  take_turn(boot, place);
  return qt::boot(boot);
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("qt-boot", argc, argv, run); }
