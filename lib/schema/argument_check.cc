#include "schema/argument_check.hh"

#include "base/format.hh"
#include "data/json.hh"

#include <string_view>

namespace qt {

namespace {

// The driver that the value of -device names: "NAME,…", "…,driver=NAME" or JSON.
std::string driver_of(const std::string& device) {
  if (device.starts_with('{')) {
    const Json json = Json::parse(device, nullptr, false);
    const auto driver = json.is_object() ? json.find("driver") : json.end();
    return json.is_object() && driver != json.end() && driver->is_string()
               ? driver->get<std::string>()
               : "";
  }
  constexpr std::string_view k_key = "driver=";
  const std::string properties = "," + device;
  const std::size_t named = properties.find(format(",{}", k_key));
  const std::size_t begin = named == std::string::npos ? 1 : named + 1 + k_key.size();
  return properties.substr(begin, properties.find(',', begin) - begin);
}

} // namespace

std::string argument_mistake(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "-daemonize" || word == "--daemonize") {
      return format("{}: QEMU would leave qt-boot, which could neither see nor end it; leave the "
                    "argument out: qt-boot itself may run in the background",
                    word);
    }
  }
  return "";
}

std::string unheard_device_mistake(const std::vector<std::string>& arguments) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const bool is_device = arguments[i - 1] == "-device" || arguments[i - 1] == "--device";
    if (is_device && driver_of(arguments[i]).starts_with("pvpanic")) {
      return format("-device {}: without a monitor (qmp = false) nobody hears of a panic",
                    arguments[i]);
    }
  }
  return "";
}

} // namespace qt
