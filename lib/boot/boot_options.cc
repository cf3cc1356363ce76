#include "boot/boot_options.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "boot/output_check.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "qemu/emulator.hh"
#include "qemu/panic.hh"
#include "qemu/probe.hh"
#include "schema/argument_check.hh"
#include "schema/empty_value.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace qt {

namespace {

Error usage(const std::string& message) { return Error(message, ExitCode::usage); }

std::string machine_name(const std::optional<std::string>& wanted) {
  const std::string name = wanted.value_or(k_default_vm);
  const auto is_fit = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  if (name.empty() || name[0] == '.' || !std::all_of(name.begin(), name.end(), is_fit)) {
    throw usage(format("option --name: '{}' is not letters, digits, '_', '-' and '.'", name));
  }
  for (const VmChannels& vm : parse_vms(env::text(k_vms_variable))) {
    if (vm.name == name) {
      throw usage(format("option --name: there is a machine called '{}' already", name));
    }
  }
  return name;
}

std::vector<int> descriptors(const std::vector<std::string>& words) {
  std::vector<int> numbers;
  for (const std::string& word : words) {
    const auto number = parse_integer(word);
    if (!number || *number < 0 || *number > 1 << 20 ||
        ::fcntl(static_cast<int>(*number), F_GETFD) < 0) {
      throw usage(format("option --fd: '{}' is not an open descriptor", word));
    }
    numbers.push_back(static_cast<int>(*number));
  }
  return numbers;
}

std::uint64_t log_limit(const std::optional<std::string>& word) {
  const std::optional<std::uint64_t> size = word ? parse_size(*word) : k_log_limit;
  if (!size || *size < k_least_log_limit) {
    throw usage(format("option --log-limit: '{}' is not a size such as 64M, at least 4K", *word));
  }
  return *size;
}

std::optional<std::string> text(const Json& given, const char* key) {
  return given.contains(key) ? std::optional(given.at(key).get<std::string>()) : std::nullopt;
}

// Several machines cannot listen on one path: those with a name of their own add it.
std::string backdoor(const std::string& vm) {
  const std::string path = env::text("QEMU_TEST_QMP_BACKDOOR");
  return path.empty() || vm == k_default_vm ? path : format("{}.{}", path, vm);
}

// A test that is used for many machines may ask for it on all; without it a panic is still found,
// only later.
std::string panic_device(const MachineOptions& machine) {
  const PanicDevice found = find_panic_device(machine.qemu, machine.machine, machine.cpu);
  if (found.name.empty()) {
    log_warning("option --pvpanic: left out: " + found.why_not);
  }
  return found.name;
}

MachineOptions machine_options(const Json& given) {
  MachineOptions machine;
  machine.qemu = choose_emulator("", given.value("qemu", ""), "generic").wanted;
  machine.machine = text(given, "machine");
  machine.cpu = text(given, "cpu");
  machine.accel = text(given, "accel");
  machine.panic_device = given.contains("pvpanic") ? panic_device(machine) : "";
  machine.console = given.value("console", Json(0));
  if (given.value("confine", "none") == "sandbox") {
    machine.sandbox = MachineOptions::Sandbox::on;
    machine.network = MachineOptions::Network::restricted;
  }
  return machine;
}

Expectations expectations(const Json& given) {
  Expectations expected;
  expected.exit = given.value("exit", Json());
  expected.machine_named = given.contains("machine");
  return expected;
}

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

BootOptions boot_options(const BootRequest& request) {
  const Json& given = request.machine;
  for (const auto& [name, value] : given.items()) {
    if (const std::string wrong = empty_mistake(*find_key(vm_keys(), name), value);
        !wrong.empty()) {
      throw usage(format("option --{}: {}", name, wrong));
    }
  }
  if (given.contains("pvpanic") && !given.value("qmp", true)) {
    throw usage("option --pvpanic: without a monitor (--qmp false) nobody hears of a panic");
  }
  BootOptions boot;
  boot.machine = machine_options(given);
  boot.expected = expectations(given);
  boot.output_checks = given.value("output", Json::array());
  boot.skip_if_output = given.value("skip-if-output", std::vector<std::string>());
  (void)OutputCheck(boot.output_checks, boot.skip_if_output); // a mistake is found before the run
  boot.wrapper = given.value("wrapper", std::vector<std::string>());
  boot.services = given.value("service", std::vector<std::vector<std::string>>());
  boot.ready = given.value("ready", std::vector<std::string>());
  boot.monitors = given.value("qmp", true);
  boot.name = machine_name(request.name);
  if (may_be_unheard_panic(boot.expected.exit)) {
    boot.machine.unheard_panic = MachineOptions::UnheardPanic::stops;
  }
  boot.machine.backdoor = boot.monitors ? backdoor(boot.name) : "";
  boot.run_dir = request.run_dir.value_or("");
  boot.timeout = request.timeout;
  boot.log_limit = log_limit(request.log_limit);
  boot.on_fail = request.on_fail;
  boot.gdb = request.gdb;
  boot.gdb_stub = request.gdb_stub;
  boot.inherited = descriptors(request.descriptors);
  return boot;
}

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

RunFolder::RunFolder(const std::string& wanted)
  : m_path(!wanted.empty() ? wanted : env::text(k_run_dir_variable)) {
  if (m_path.empty()) {
    const std::string base = env::text("TMPDIR");
    m_path = format("{}/qt-boot.XXXXXX", base.empty() ? "/tmp" : base);
    m_own = true;
    if (::mkdtemp(m_path.data()) == nullptr) {
      throw errno_error(errno, format("creating a run directory {}", m_path));
    }
  }
  m_path = absolute_path(m_path);
  make_directories(m_path);
  if (env::text(k_vms_variable).empty()) { // the outermost of a chain starts afresh
    ::unlink((m_path + "/verdict.json").c_str());
    if (env::text(k_run_dir_variable) != m_path) { // else someone has begun the run's log
      ::unlink(base_log_path(m_path).c_str());
    }
  }
  log_info(format("run directory: {}", m_path));
}

void RunFolder::finish(Interest interest) const {
  if (m_own && interest == Interest::none && verbosity() < Verbosity::verbose) {
    try {
      remove_tree(m_path);
    } catch (const Error& error) { // the run's verdict does not depend on it
      log_warning(error.what());
    }
  } else if (m_own && interest == Interest::some) {
    log_plain(format("logs: {}", m_path));
  }
}

} // namespace qt
