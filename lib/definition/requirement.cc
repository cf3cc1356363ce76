#include "definition/requirement.hh"

#include "base/text.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

// "8", "7.2" or "7.2.22".
bool is_version(std::string_view text) {
  const std::vector<std::string> parts = split(text, '.');
  return parts.size() <= 3 && std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
           return part.size() <= 4 && !part.empty() &&
                  part.find_first_not_of("0123456789") == std::string::npos;
         });
}

// Conditions such as ">= 8.0, < 10".
bool is_version_condition(std::string_view text) {
  const std::vector<std::string> parts = split(text, ',');
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    constexpr std::array<std::string_view, 7> k_signs = {">=", ">", "<=", "<", "==", "=", "!="};
    const std::string_view condition = trim(part);
    const std::size_t digits = std::min(condition.find_first_not_of("<>=!"), condition.size());
    const bool known =
        std::find(k_signs.begin(), k_signs.end(), condition.substr(0, digits)) != k_signs.end();
    return known && is_version(trim(condition.substr(digits)));
  });
}

} // namespace

std::string machine_name(std::string_view machine) {
  std::string_view name = machine.substr(0, machine.find(','));
  if (name.starts_with("type=")) {
    name.remove_prefix(5);
  }
  return std::string(name);
}

Json read_requires(const Value& value, const Reader& reader) {
  if (!reader.expect(value, Value::Kind::table, "requires", "a table")) {
    return Json::object();
  }
  reader.unknown_members(value, "requires", key_names(requires_keys()));
  Json required = reader.values(value, requires_keys());
  const auto text = [&required](const char* key) -> std::string {
    return required.contains(key) ? required.at(key).get<std::string>() : "?";
  };
  if (required.contains("qemu-version") && !is_version_condition(text("qemu-version")) &&
      text("qemu-version").find("${") == std::string::npos) {
    reader.mistakes().add(value.find("qemu-version")->at,
                          format("qemu-version: expected conditions such as \">= 8.0, < 10\", got "
                                 "\"{}\"",
                                 text("qemu-version")));
  }
  return required;
}

void require_machine(std::string_view machine, Json& required) {
  const std::string name = machine_name(machine);
  const auto given = required.find("machine");
  const bool switched_off = given != required.end() && given->empty();
  if (switched_off || name.empty() || name.find("${") != std::string::npos) {
    return;
  }
  Json& machines = required["machine"];
  if (std::find(machines.begin(), machines.end(), Json(name)) == machines.end()) {
    machines.push_back(name);
  }
}

} // namespace qt
