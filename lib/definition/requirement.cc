#include "definition/requirement.hh"

#include "base/format.hh"
#include "definition/flaky.hh"
#include "definition/qemu_version.hh"

#include <algorithm>

namespace qt {

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
  Value others = value;
  std::erase_if(others.members, [](const Member& member) { return member.key == "flaky"; });
  Json required = reader.values(others, requires_keys());
  if (const Value* const flaky = value.find("flaky")) {
    if (std::optional<Json> normal = read_flaky(*flaky, reader)) {
      required["flaky"] = std::move(*normal);
    }
  }
  const auto version = required.find("qemu-version");
  if (version != required.end()) {
    const auto& wanted = version->get_ref<const std::string&>();
    const std::string mistake =
        wanted.find("${") == std::string::npos ? version_mistake(wanted) : "";
    if (!mistake.empty()) {
      reader.mistakes().add(value.find("qemu-version")->at, format("qemu-version: {}", mistake));
    }
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
