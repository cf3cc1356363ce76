#include "qemu/option_list.hh"

#include <algorithm>
#include <array>

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
