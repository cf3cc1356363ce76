#include "definition/step_reader.hh"

#include "base/error.hh"
#include "base/spelling.hh"
#include "base/text.hh"
#include "os/tcp_port.hh"
#include "schema/tables.hh"

#include <algorithm>

namespace qt {

namespace {

bool is_waiting(std::string_view key) {
  return key == "wait" || key == "wait-regex" || key == "tap";
}
bool is_typing(std::string_view key) { return key == "line" || key == "send"; }

// All modifiers, each once, and those that a step of `type` may have.
std::vector<std::string_view> modifier_names(std::optional<StepType> type) {
  std::vector<std::string_view> names;
  for (const Key& key : step_modifier_keys()) {
    const bool fits = !type || find_step_key(*type, key.name) != nullptr;
    if (fits && std::find(names.begin(), names.end(), key.name) == names.end()) {
      names.push_back(key.name);
    }
  }
  return names;
}

// The one key that names the step; nullptr, and said so, if there is none or another one too.
const Member* find_type(const Value& value, std::string_view list, const Reader& reader) {
  const Member* found = nullptr;
  for (const Member& member : value.members) {
    if (!step_type_from(member.key)) {
      continue;
    }
    if (found != nullptr) {
      reader.mistakes().add(
          member.at,
          format("{}: one step does one thing, and this one does '{}' already; make '{}' a step of "
                 "its own{}",
                 list, found->key, member.key,
                 is_waiting(found->key) && is_typing(member.key)
                     ? format(", or write it before '{}' if it is typed first", found->key)
                     : ""));
      return nullptr;
    }
    found = &member;
  }
  if (found == nullptr) {
    const std::vector<std::string_view> types = key_names(step_type_keys());
    std::string hint;
    for (const Member& member : value.members) {
      if (hint.empty()) {
        hint = did_you_mean(member.key, types);
      }
    }
    if (hint.empty()) {
      hint = format("; expected one of {}",
                    join(std::vector<std::string>(types.begin(), types.end()), ", "));
    }
    reader.mistakes().add(value.at,
                          format("{}: no key of this step says what it does{}", list, hint));
  }
  return found;
}

bool check_members(const Value& value, StepType type, std::string_view list, const Reader& reader) {
  const std::string_view name = step_type_name(type);
  bool good = true;
  for (const Member& member : value.members) {
    if (find_step_key(type, member.key) != nullptr) {
      continue;
    }
    const std::vector<std::string_view> all = modifier_names(std::nullopt);
    const std::vector<std::string_view> fitting = modifier_names(type);
    const bool elsewhere = std::find(all.begin(), all.end(), member.key) != all.end();
    reader.mistakes().add(member.at,
                          elsewhere ? format("{}: '{}' has no place in a {} step{}", list,
                                             member.key, name, did_you_mean(member.key, fitting))
                                    : format("{}: unknown key '{}' in a {} step{}", list,
                                             member.key, name, did_you_mean(member.key, fitting)));
    good = false;
  }
  return good;
}

bool is_pointer(std::string_view text) { return text.empty() || text.front() == '/'; }

// What the types of single keys do not say. Empty if nothing is wrong.
std::string detail_mistake(const Step& step, std::string_view key) {
  const Json& value = *step.find(key);
  const std::string text = step.text(key);
  if (text.find("${") != std::string::npos) {
    return ""; // known only when it runs
  }
  if (key == "sha256" && !is_digest(text, 256)) {
    return "expected 64 hexadecimal digits";
  }
  if (key == "tcp") {
    try {
      check_tcp_address(text);
      return "";
    } catch (const Error&) {
      return "expected \"HOST:PORT\", the host as an address or localhost";
    }
  }
  if (key == "at" && !is_pointer(text)) {
    return "expected a JSON pointer such as \"/0/qom-type\"";
  }
  if (key == "length" && value < 0) {
    return "expected a number of elements";
  }
  if (key == "save" && step.type == StepType::qmp) {
    for (const auto& [name, saved] : value.items()) {
      const std::string where = place_of(saved);
      if (!is_pointer(where) && where.find("${") == std::string::npos) {
        return format("expected a JSON pointer such as {{ {} = \"/{}\" }}", name, where);
      }
    }
  }
  return "";
}

} // namespace

std::vector<Value> single_steps(const Value& step, const Value* prompt) {
  const auto has = [](bool (*is)(std::string_view)) {
    return [is](const Member& member) { return is(member.key); };
  };
  const auto typing = std::find_if(step.members.begin(), step.members.end(), has(is_typing));
  const auto waiting = std::find_if(step.members.begin(), step.members.end(), has(is_waiting));
  const bool waits = waiting != step.members.end();
  // What stands first is done first: a text that is typed after the wait needs a step of its own.
  if (typing == step.members.end() || (waits && waiting < typing) ||
      (!waits && (prompt == nullptr || typing->key != "line"))) {
    return {step};
  }
  Value type;
  Value wait;
  type.at = step.at;
  wait.at = waits ? waiting->at : step.at;
  if (!waits) {
    wait.members.push_back({"wait", prompt->at, *prompt});
  }
  for (const Member& member : step.members) {
    const bool is_of_both = member.key == "vm" || member.key == "console";
    const bool is_of_typing = member.key == typing->key || member.key == "pace";
    if (is_of_both || is_of_typing) {
      type.members.push_back(member);
    }
    if (is_of_both || !is_of_typing) {
      wait.members.push_back(member);
    }
  }
  return {type, wait};
}

std::optional<Step> read_step(const Value& value, StepPlace place, std::string_view list,
                              const Reader& reader) {
  if (!reader.expect(value, Value::Kind::table, list, "a step such as { wait = \"login:\" }")) {
    return std::nullopt;
  }
  const Member* const named = find_type(value, list, reader);
  if (named == nullptr) {
    return std::nullopt;
  }
  Step step;
  step.type = *step_type_from(named->key);
  step.where = value.at.text();
  const bool is_for_host =
      step.type == StepType::run || step.type == StepType::file || step.type == StepType::sleep;
  if (place == StepPlace::host && !is_for_host) {
    reader.mistakes().add(
        named->at,
        format("{}: only run, file and sleep steps may stand here, not '{}'", list, named->key));
    return std::nullopt;
  }
  bool good = check_members(value, step.type, list, reader);
  for (const Member& member : value.members) {
    const Key* const key = find_step_key(step.type, member.key);
    if (key == nullptr) {
      continue;
    }
    std::optional<Json> normal = reader.value(*key, member.value);
    good = good && normal.has_value();
    if (!normal) {
      continue;
    }
    step.values[member.key] = std::move(*normal);
    if (member.key == "save" && step.type != StepType::qmp) {
      for (const Member& saved : member.value.members) {
        const Value* const inner = saved.value.find("at");
        const Value& where = inner != nullptr ? *inner : saved.value;
        good = reader.regex("save", where.text, where.at) && good;
      }
    }
    if (const std::string mistake = detail_mistake(step, member.key); !mistake.empty()) {
      reader.mistakes().add(member.value.at, format("{}: {}, got {}", member.key, mistake,
                                                    describe_value(member.value)));
      good = false;
    }
  }
  if (!good) {
    return std::nullopt;
  }
  if (const std::string mistake = step_mistake(step); !mistake.empty()) {
    reader.mistakes().add(value.at, format("{}: {}", list, mistake));
    return std::nullopt;
  }
  return step;
}

std::vector<std::string> saved_names(const Step& step) {
  std::vector<std::string> names;
  if (const Json* const save = step.find("save"); save != nullptr && save->is_object()) {
    for (const auto& [name, unused] : save->items()) {
      names.push_back(name);
    }
  }
  if (step.type == StepType::wait_regex) {
    // PCRE2 writes a named group (?<name>…), (?P<name>…) or (?'name'…); (?<= and (?<! are not.
    const std::string regex = step.text("wait-regex");
    for (std::size_t at = regex.find("(?"); at != std::string::npos;
         at = regex.find("(?", at + 1)) {
      const std::size_t open = at + (regex.compare(at + 2, 1, "P") == 0 ? 3 : 2);
      const char close = regex.compare(open, 1, "<") == 0   ? '>'
                         : regex.compare(open, 1, "'") == 0 ? '\''
                                                            : '\0';
      const std::size_t end = close == '\0' ? std::string::npos : regex.find(close, open + 1);
      const bool escaped = at > 0 && regex[at - 1] == '\\';
      if (end != std::string::npos && !escaped && regex.find_first_of("=!", open + 1) != open + 1) {
        names.push_back(regex.substr(open + 1, end - open - 1));
      }
    }
  }
  return names;
}

} // namespace qt
