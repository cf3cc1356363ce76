#include "schema/argument_check.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>
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

std::string unheard_panic_mistake(const std::vector<std::string>& arguments) {
  std::string mistake;
  const auto is = [&arguments](std::size_t i, std::string_view option) {
    return std::string_view(arguments[i]).substr(arguments[i].starts_with("--") ? 1 : 0) == option;
  };
  for (std::size_t i = 1; i < arguments.size() && mistake.empty(); ++i) {
    const std::vector<std::string> actions = split(arguments[i], ',');
    const bool goes_on = std::any_of(actions.begin(), actions.end(), [](const std::string& action) {
      return action == "panic=none" || action == "panic=shutdown";
    });
    if ((is(i - 1, "-device") && driver_of(arguments[i]).starts_with("pvpanic")) ||
        (is(i - 1, "-action") && goes_on)) {
      mistake =
          format("{} {}: without a monitor (qmp = false) nobody hears of a panic",
                 arguments[i - 1].substr(arguments[i - 1].starts_with("--") ? 1 : 0), arguments[i]);
    }
  }
  return mistake;
}

bool may_be_unheard_panic(const Json& wanted_status) {
  return wanted_status == "any" || wanted_status == 1;
}

} // namespace qt
