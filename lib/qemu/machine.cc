#include "qemu/machine.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>
#include <array>
#include <cassert>

namespace qt {

namespace {

constexpr std::array<std::string_view, 42> k_list_options = {
    "M",          "accel",      "acpitable", "action", "add-fd",   "audio",   "audiodev",
    "blockdev",   "boot",       "chardev",   "cpu",    "device",   "display", "drive",
    "fsdev",      "fw_cfg",     "icount",    "iscsi",  "m",        "machine", "mon",
    "msg",        "name",       "net",       "netdev", "nic",      "numa",    "object",
    "option-rom", "overcommit", "plugin",    "rtc",    "run-with", "sandbox", "semihosting-config",
    "smbios",     "smp",        "spice",     "tpmdev", "trace",    "virtfs",  "vnc",
};

constexpr std::array<std::string_view, 7> k_old_devices = {
    "debugcon", "gdb", "monitor", "parallel", "qmp", "qmp-pretty", "serial",
};

constexpr std::array<std::string_view, 5> k_sockets = {
    "unix:", "tcp:", "udp:", "telnet:", "websocket:"};

constexpr std::array<std::string_view, 7> k_list_commands = {
    "chardev-add", "chardev_add", "chardev-change", "device_add",
    "drive_add",   "netdev_add",  "object_add",
};

template<std::size_t Size>
bool has(const std::array<std::string_view, Size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

} // namespace

bool says_network(const std::vector<std::string>& arguments) {
  static constexpr std::array<std::string_view, 4> k_options = {"net", "nic", "netdev",
                                                                "nodefaults"};
  return std::any_of(arguments.begin(), arguments.end(), [](std::string_view word) {
    const std::size_t dashes = word.starts_with("--") ? 2 : word.starts_with("-") ? 1 : 0;
    return dashes > 0 &&
           std::find(k_options.begin(), k_options.end(), word.substr(dashes)) != k_options.end();
  });
}

namespace {

// What stands for a device: the calls by which a guest asks its debugger to write and read.
constexpr const char* k_semihosting = "semihosting";

// A machine gets "-net nic -net user" if nothing is said about its network.
void confine(const MachineOptions& options, std::vector<std::string>& words) {
  if (options.sandbox == MachineOptions::Sandbox::on) {
    words.insert(
        words.end(),
        {"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"});
  }
  if (options.network == MachineOptions::Network::usual || says_network(options.arguments) ||
      options.machine == "none") {
    return;
  }
  if (options.network == MachineOptions::Network::restricted) {
    words.insert(words.end(), {"-net", "nic", "-net", "user,restrict=on"});
  } else { // QEMU warns of a card that is connected to nothing
    words.insert(words.end(), {"-nic", "none"});
  }
}

// What stands last after -action for one of its settings, or follows from the old option `option`.
std::string action_of(const std::vector<std::string>& arguments, const std::string& setting,
                      std::string_view option = "", const std::string& by_option = "") {
  std::string action;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const std::string_view name = word.substr(word.starts_with("--") ? 1 : 0);
    if (name == "-action" && i + 1 < arguments.size()) {
      for (const std::string& part : split(arguments[i + 1], ',')) {
        action = part.starts_with(setting + "=") ? part.substr(setting.size() + 1) : action;
      }
    } else if (!option.empty() && name == option) {
      action = by_option;
    }
  }
  return action;
}

} // namespace

std::string panic_action(const MachineOptions& options) {
  return action_of(options.arguments, "panic");
}

bool keeps_early_end(const MachineOptions& options) {
  const std::string action = panic_action(options);
  return action.empty() || action == "none" || action == "pause" || action == "shutdown";
}

bool stays_after_shutdown(const MachineOptions& options) {
  return action_of(options.arguments, "shutdown", "-no-shutdown", "pause") == "pause";
}

std::vector<std::string> qemu_command(const MachineOptions& options,
                                      const MachineChannels& channels) {
  std::vector<std::string> words = {options.qemu, "-display", "none", "-vga", "none"};
  confine(options, words);
  const auto add = [&words](std::string_view option, std::string value) {
    words.emplace_back(option);
    words.push_back(std::move(value));
  };
  for (std::size_t i = 0; i < channels.monitors.size(); ++i) {
    add("-chardev", format("socket,id=qt-monitor{},fd={}", i, channels.monitors[i]));
    add("-qmp", format("chardev:qt-monitor{}", i));
  }
  if (channels.monitors.empty() && panic_action(options).empty()) { // only its status can tell
    const bool ends = options.unheard_panic == MachineOptions::UnheardPanic::ends;
    add("-action", ends ? "panic=exit-failure" : "panic=pause");
  }
  if (!options.backdoor.empty()) {
    add("-chardev",
        format("socket,id=backdoor,path={},server=on,wait=off", doubled_commas(options.backdoor)));
    add("-qmp", "chardev:backdoor");
  }
  const auto add_if_given = [&add](std::string_view option,
                                   const std::optional<std::string>& value) {
    if (value) {
      add(option, *value);
    }
  };
  add_if_given("-machine", options.machine);
  add_if_given("-cpu", options.cpu);
  add_if_given("-accel", options.accel);
  if (options.console != Json(false)) {
    assert(channels.console >= 0);
    add("-chardev", format("socket,id=console,fd={}", channels.console));
  }
  if (options.console.is_number()) {
    for (int i = 0; i < options.console.get<int>(); ++i) {
      add("-serial", "null");
    }
    add("-serial", "chardev:console");
  } else if (options.console.is_string()) {
    add("-serial", "none");
  }
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  if (!channels.monitors.empty() && keeps_early_end(options)) { // the last one counts
    add("-action", "panic=pause,shutdown=pause");
  }
  if (!options.panic_device.empty()) {
    add("-device", options.panic_device);
  }
  if (options.console == k_semihosting) {
    add("-semihosting-config", "enable=on,target=native,chardev=console");
  } else if (options.console.is_string()) {
    add("-device", format("{},chardev=console", options.console.get<std::string>()));
  }
  return words;
}

bool says_no_such_machine(std::string_view output) {
  constexpr std::string_view k_message = ": unsupported machine type";
  const std::size_t at = output.find(k_message);
  if (at == std::string_view::npos) {
    return false;
  }
  const std::string_view rest = output.substr(at + k_message.size());
  const std::size_t line_end = rest.find('\n');
  return line_end != std::string_view::npos &&
         rest.substr(line_end + 1).starts_with("Use -machine help");
}

bool says_no_locked_memory(std::string_view output) {
  return output.find("Failed to initialize io_uring: Cannot allocate memory") != output.npos;
}

bool is_option_list(std::string_view option, std::string_view value) {
  const std::size_t dashes = option.starts_with("--") ? 2 : option.starts_with("-") ? 1 : 0;
  const std::string_view name = option.substr(dashes);
  if (dashes == 0 || value.starts_with('{')) {
    return false;
  }
  const bool is_socket =
      std::any_of(k_sockets.begin(), k_sockets.end(),
                  [value](std::string_view socket) { return value.starts_with(socket); });
  // The other form, "DRIVER.PROPERTY=VALUE", is taken as it is.
  const bool is_long_global = name == "global" && value.starts_with("driver=");
  return has(k_list_options, name) || is_long_global || (has(k_old_devices, name) && is_socket);
}

bool is_list_command(std::string_view command) {
  return has(k_list_commands, command.substr(0, command.find(' ')));
}

std::string doubled_commas(std::string_view text) {
  std::string doubled;
  for (const char letter : text) {
    doubled += letter == ',' ? ",," : std::string(1, letter);
  }
  return doubled;
}

} // namespace qt
