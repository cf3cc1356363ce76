// Judges a PCI device that several machines of the chain have, by their monitors:
//
//   virtio-pci-device QDEV-ID DEVICE VM...
//
// Its ids are 1af4:DEVICE (hexadecimal) in each, it looks the same in all of them, register for
// register, and a modern one, by its id of 1040 to 107f, has a subsystem id of at least 40
// (VIRTIO 1.2, "PCI Device Discovery"). Status 1 if not.
#include "base/error.hh"
#include "cli/cli.hh"
#include "monitor.hh"

#include <optional>
#include <vector>

namespace {

using namespace qt;

constexpr unsigned k_vendor = 0x1af4;

// The device on any bus, also behind bridges; nothing if there is none.
std::optional<Json> device_among(const Json& devices, const std::string& qdev_id) {
  for (const Json& device : devices) {
    if (device.at("qdev_id") == qdev_id) {
      return std::make_optional<Json>(device);
    }
    const Json* const behind = json_at(device, "/pci_bridge/devices");
    if (std::optional<Json> found =
            behind != nullptr ? device_among(*behind, qdev_id) : std::nullopt) {
      return found;
    }
  }
  return std::nullopt;
}

Json device_of(const std::string& vm, const std::string& qdev_id) {
  support::Monitor monitor(vm);
  for (const Json& bus : monitor.ask("query-pci")) {
    if (const std::optional<Json> device = device_among(bus.at("devices"), qdev_id)) {
      return *device;
    }
  }
  throw Error(format("machine '{}' has no device {}", vm, qdev_id), ExitCode::failed);
}

int fail(const std::string& what) {
  print_line(what);
  return to_int(ExitCode::failed);
}

int judge(const std::vector<std::string>& words) {
  if (words.size() < 3) {
    throw Error("usage: virtio-pci-device QDEV-ID DEVICE VM...", ExitCode::usage);
  }
  const auto wanted = static_cast<unsigned>(std::stoul(words[1], nullptr, 16));
  std::optional<Json> first;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::string& vm = words[i];
    const Json device = device_of(vm, words[0]);
    const Json& id = device.at("id");
    const bool modern = wanted >= 0x1040 && wanted <= 0x107f;
    if (id.at("vendor") != k_vendor || id.at("device") != wanted) {
      return fail(format("{}: asked {:04x}:{:04x}, came {}", vm, k_vendor, wanted, dump_json(id)));
    }
    if (modern && id.at("subsystem") < 0x40) {
      return fail(
          format("{}: the subsystem of a modern device is too small: {}", vm, dump_json(id)));
    }
    if (first && *first != device) {
      return fail(
          format("{} has {}, {} has {}", words[2], dump_json(*first), vm, dump_json(device)));
    }
    first = device;
  }
  print_line(dump_json(first->at("id")));
  return 0;
}

} // namespace

int main(int argc, char** argv) { return run_tool("virtio-pci-device", argc, argv, judge); }
