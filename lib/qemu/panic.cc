#include "qemu/panic.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "qemu/idle_emulator.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr Duration k_limit{10000};
constexpr const char* k_isa = "pvpanic";
constexpr const char* k_pci = "pvpanic-pci";

// "info qtree" has a line "bus: NAME" and below it "type TYPE" for each bus.
bool has_bus(const std::string& tree, std::string_view type) {
  const std::vector<std::string> lines = split(tree, '\n');
  return std::any_of(lines.begin(), lines.end(), [type](const std::string& line) {
    const std::string_view text = trim(line);
    return text.starts_with("type ") && text.substr(5) == type;
  });
}

bool has_device(IdleEmulator& emulator, const char* name) {
  return emulator.ask("device-list-properties", {{"typename", name}}).contains("return");
}

} // namespace

PanicDevice choose_panic_device(const std::string& tree, const std::vector<std::string>& devices) {
  const auto has = [&devices](std::string_view name) {
    return std::find(devices.begin(), devices.end(), name) != devices.end();
  };
  const bool isa = has_bus(tree, "ISA");
  const bool pci = has_bus(tree, "PCI") || has_bus(tree, "PCIE");
  if (isa && has(k_isa)) {
    return {k_isa, ""};
  }
  if (pci && has(k_pci)) {
    return {k_pci, ""};
  }
  return {"", isa || pci ? "this emulator has no pvpanic for the machine's bus"
                         : "the machine has neither an ISA nor a PCI bus"};
}

PanicDevice find_panic_device(const std::string& program, const std::optional<std::string>& machine,
                              const std::optional<std::string>& cpu) {
  std::vector<std::string> arguments;
  if (machine) {
    arguments.insert(arguments.end(), {"-machine", *machine});
  }
  if (cpu) {
    arguments.insert(arguments.end(), {"-cpu", *cpu});
  }
  try {
    IdleEmulator emulator(program, arguments, k_limit);
    const Json tree = emulator.need("human-monitor-command", {{"command-line", "info qtree"}});
    std::vector<std::string> devices;
    for (const char* name : {k_isa, k_pci}) {
      if (has_device(emulator, name)) {
        devices.emplace_back(name);
      }
    }
    return choose_panic_device(tree.is_string() ? tree.get<std::string>() : "", devices);
  } catch (const Error& error) {
    return {"", error.what()};
  }
}

} // namespace qt
