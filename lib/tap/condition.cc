#include "tap/condition.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "os/file.hh"
#include "qemu/emulator.hh"

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

std::string unmet_commands(const Json& value) {
  for (const std::string& command : texts_of(value)) {
    if (!find_program(command)) {
      return format("needs the program {}; install it", command);
    }
  }
  return "";
}

std::string unmet_variables(const Json& value) {
  for (const std::string& name : texts_of(value)) {
    if (env::text(name.c_str()).empty()) {
      return format("needs the environment variable {}; set it", name);
    }
  }
  return "";
}

std::string unmet_host_arch(const Json& value) {
  utsname host;
  ::uname(&host);
  const bool fits = has_element(value, host_arch()) || has_element(value, host.machine);
  return fits ? "" : format("needs a host of {}; this is {}", any_of_text(value), host.machine);
}

std::string unmet_host_os(const Json& value) {
  utsname host;
  ::uname(&host);
  const std::string system = lower_case(host.sysname);
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

struct HostCondition {
  const char* key;
  std::function<std::string(const Json& value)> unmet;
};

const std::array<HostCondition, 11>& host_conditions() {
  static const std::array<HostCondition, 11> conditions = {{
      {"disabled",
       [](const Json& value) { return format("disabled: {}", value.get<std::string>()); }},
      {"flaky",
       [](const Json& value) {
         return unless_allowed("QEMU_TEST_FLAKY_TESTS",
                               format("unstable ({})", value.get<std::string>()));
       }},
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
  if (!probe.has_accelerator(name)) {
    return format("{} has no accelerator {}{}", program, name,
                  probe.suggest(Probe::Kind::accelerator, name));
  }
  if (name == "kvm" && ::access("/dev/kvm", R_OK | W_OK) < 0) {
    return format("needs the accelerator kvm: /dev/kvm: {}", std::strerror(errno));
  }
  return "";
}

std::string unmet_accelerators(const std::vector<std::string>& any, const std::string& program,
                               Probe& probe) {
  std::string first;
  for (const std::string& name : any) {
    const std::string unmet = unmet_accelerator(name, program, probe);
    if (unmet.empty()) {
      return "";
    }
    first = first.empty() ? unmet : first;
  }
  return first;
}

std::string unmet_machine_type(const std::string& name, const std::string& program, Probe& probe) {
  return probe.has_machine(name) ? ""
                                 : format("{} {} has no machine {}{}", program, probe.version(),
                                          name, probe.suggest(Probe::Kind::machine, name));
}

// The parts of a version, missing ones 0.
std::array<std::int64_t, 3> version_parts(std::string_view text, std::string_view whole) {
  std::array<std::int64_t, 3> parts = {0, 0, 0};
  const std::vector<std::string> words = split(trim(text), '.');
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::optional<std::int64_t> number = parse_integer(words[i]);
    if (!number || i >= parts.size()) {
      throw Error(
          format("qemu-version = \"{}\": expected a condition such as \">= 8.0, < 10\"", whole),
          ExitCode::usage);
    }
    parts[i] = *number;
  }
  return parts;
}

} // namespace

bool version_meets(std::string_view version, std::string_view wanted) {
  const std::array<std::int64_t, 3> have = version_parts(version, version);
  for (const std::string& part : split(wanted, ',')) {
    const std::string_view condition = trim(part);
    const std::size_t digits = std::min(condition.find_first_not_of("<>=!"), condition.size());
    const std::string_view sign = condition.substr(0, digits);
    const std::array<std::int64_t, 3> limit = version_parts(condition.substr(digits), wanted);
    const bool met = sign == ">="   ? have >= limit
                     : sign == ">"  ? have > limit
                     : sign == "<=" ? have <= limit
                     : sign == "<"  ? have < limit
                     : sign == "!=" ? have != limit
                     : sign == "==" || sign == "=" || sign.empty()
                         ? have == limit
                         : throw Error(format("qemu-version = \"{}\": '{}' is no comparison; "
                                              "expected one of >= > <= < == !=",
                                              wanted, sign),
                                       ExitCode::usage);
    if (!met) {
      return false;
    }
  }
  return true;
}

std::string unmet_on_host(const Json& required) {
  for (const HostCondition& condition : host_conditions()) {
    const auto value = required.find(condition.key);
    const std::string unmet = value == required.end() ? "" : condition.unmet(*value);
    if (!unmet.empty()) {
      return unmet;
    }
  }
  return "";
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

} // namespace qt
