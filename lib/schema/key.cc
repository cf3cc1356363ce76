#include "schema/key.hh"

#include "base/duration.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "data/regex.hh"
#include "schema/failure_sets.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

bool holds(std::string_view check, const std::string& asked, std::string_view text) {
  if (check == "contains") {
    return text.find(asked) != std::string_view::npos;
  }
  if (check == "equals") {
    return text == asked || text == asked + "\n";
  }
  if (check == "matches") {
    return Regex(asked).search(text).has_value();
  }
  return text.find(asked) == std::string_view::npos; // lacks
}

void need_string(const Json& value, std::string_view what) {
  if (!value.is_string()) {
    throw expected(what);
  }
}

Json array_of(const Json& value, std::string_view what, Json (*element)(const Json&)) {
  Json list = Json::array();
  for (const Json& item : value.is_array() ? value : Json::array({value})) {
    list.push_back(element(item));
  }
  if (list.empty()) {
    throw expected(what);
  }
  return list;
}

Json normal_text(const Json& value) {
  need_string(value, "a text or a list of texts");
  return value;
}

// A key whose argument is "a|b:TEXT" takes one of these: "a", or "b:" and a text.
void need_choice(const Key& key, const Json& value) {
  const std::vector<std::string> choices = split(key.argument, '|');
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  const bool is_known =
      std::any_of(choices.begin(), choices.end(), [&text](const std::string& one) {
        const std::size_t colon = one.find(':');
        return colon == std::string::npos
                   ? text == one
                   : text.starts_with(one.substr(0, colon + 1)) && text.size() > colon + 1;
      });
  if (choices.size() > 1 && !is_known && text.find("${") == std::string::npos) {
    throw expected("one of " + join(choices, ", "));
  }
}

Json normal_argv(const Json& value) {
  if (!value.is_array() || value.empty() ||
      !std::all_of(value.begin(), value.end(), [](const Json& word) { return word.is_string(); })) {
    throw expected("a command as a list of words, such as [\"truncate\", \"-s\", \"16M\", \"f\"]");
  }
  return value;
}

Json normal_pattern(const Json& value) {
  if (value.is_string()) {
    return {{"text", value}};
  }
  const bool known = value.is_object() && value.size() == 1 && value.begin()->is_string() &&
                     (value.contains("text") || value.contains("regex") || value.contains("set"));
  if (!known) {
    throw expected("texts, { regex = \"…\" } or { set = \"…\" }");
  }
  const auto text = value.begin()->get<std::string>();
  const bool is_known_set = find_failure_set(text) != nullptr;
  if (value.contains("set") && !is_known_set && text.find("${") == std::string::npos) {
    throw expected("one of the sets " + join(failure_set_names(), ", "));
  }
  return value;
}

// Each check of a text, of a table or of a list of both.
Json normal_checks(const Json& value) {
  constexpr std::array<std::string_view, 4> k_known = {"contains", "equals", "matches", "lacks"};
  Json checks = Json::array();
  bool known = true;
  for (const Json& item : value.is_array() ? value : Json::array({value})) {
    known = known && (item.is_string() || (item.is_object() && !item.empty()));
    if (!item.is_object()) {
      checks.push_back(Json::object({{"contains", item}}));
      continue;
    }
    for (const auto& [name, text] : item.items()) {
      known = known && text.is_string() &&
              std::find(k_known.begin(), k_known.end(), name) != k_known.end();
      checks.push_back(Json::object({{name, text}}));
    }
  }
  if (!known || checks.empty()) {
    throw expected("a text or a table of contains, equals, matches, lacks, or a list of them");
  }
  return checks;
}

Json normal_status(const Json& value) {
  const bool number = value.is_number_integer() && value >= 0 && value <= 255;
  if (!number && value != "any") {
    throw expected("an exit status from 0 to 255, or \"any\"");
  }
  return value;
}

Json normal_console(const Json& value) {
  const bool index = value.is_number_integer() && value >= 0 && value <= 15;
  if (!index && value != Json(false) && !(value.is_string() && value != "")) {
    throw expected("a serial port's number, a device type, or false");
  }
  return value;
}

Json normal_ending(const Json& value) {
  if (value != Json(true) && !value.is_string()) {
    throw expected("true, or the text that ends it");
  }
  return value;
}

Json normal_range(const Json& value) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_number() || !value[1].is_number() ||
      value[0] > value[1]) {
    throw expected("[minimum, maximum]");
  }
  return value;
}

Json normal_values(const Json& value) {
  const bool known =
      value.is_object() && !value.empty() &&
      std::all_of(value.begin(), value.end(), [](const Json& where) { return where.is_string(); });
  if (!known) {
    throw expected("a table of names, such as { port = \"/0/port\" }");
  }
  return value;
}

// What is saved is a text in the end, and so is its default.
Json normal_saves(const Json& value) {
  if (!value.is_object() || value.empty()) {
    throw expected("a table of names, such as { port = \"/0/port\" }");
  }
  Json saves = value;
  for (Json& where : saves) {
    if (where.is_string()) {
      continue;
    }
    const bool known = where.is_object() && where.size() == 2 && where.contains("at") &&
                       where.contains("default") && where["at"].is_string() &&
                       where["default"].is_primitive() && !where["default"].is_null();
    if (!known) {
      throw expected("where each value is: \"/port\", or { at = \"/port\", default = 0 }");
    }
    Json& other = where["default"];
    other = other.is_string() ? other : Json(dump_json(other));
  }
  return saves;
}

bool has_nul(const Json& value) {
  if (value.is_string()) {
    return value.get_ref<const std::string&>().find('\0') != std::string::npos;
  }
  if (!value.is_structured()) {
    return false;
  }
  const auto items = value.items();
  return std::any_of(items.begin(), items.end(), [&value](const auto& item) {
    return has_nul(item.value()) || (value.is_object() && has_nul(Json(item.key())));
  });
}

} // namespace

std::string place_of(const Json& saved) {
  return (saved.is_object() ? saved.at("at") : saved).get<std::string>();
}

const Json* default_of(const Json& saved) {
  return saved.is_object() ? &saved.at("default") : nullptr;
}

Error expected(std::string_view what) {
  return Error(format("expected {}", what), ExitCode::usage);
}

const Key* find_key(std::span<const Key> keys, std::string_view name) {
  for (const Key& key : keys) {
    if (key.name == name) {
      return &key;
    }
  }
  return nullptr;
}

std::vector<std::string_view> key_names(std::span<const Key> keys) {
  std::vector<std::string_view> names;
  for (const Key& key : keys) {
    names.push_back(key.name);
  }
  return names;
}

bool may_hold_nul(Type type) {
  return type == Type::bytes || type == Type::json || type == Type::table;
}

Json normal_value(const Key& key, const Json& value) {
  if (!may_hold_nul(key.type) && has_nul(value)) {
    throw expected("a text without U+0000, at which an argument of a program ends");
  }
  switch (key.type) {
  case Type::text:
  case Type::bytes:
    need_string(value, "a text");
    need_choice(key, value);
    return value;
  case Type::regex:
    need_string(value, "a regular expression");
    return value;
  case Type::duration:
    if (!value.is_string() || !parse_duration(value.get<std::string>())) {
      throw expected("a time such as \"500ms\", \"30s\" or \"2m\"");
    }
    return value;
  case Type::size:
    if (value.is_number_unsigned() ||
        (value.is_number_integer() && value.get<std::int64_t>() >= 0)) {
      return std::to_string(value.get<std::uint64_t>());
    }
    if (!value.is_string() || !((value == "pow2" && key.argument.starts_with("pow2")) ||
                                parse_size(value.get<std::string>()))) {
      throw expected("a size such as \"512K\" or \"16M\"");
    }
    return value;
  case Type::integer:
    if (!value.is_number_integer()) {
      throw expected("a whole number");
    }
    return value;
  case Type::status:
    return normal_status(value);
  case Type::flag:
    if (value != Json(true)) {
      throw expected("true (leave the key out otherwise)");
    }
    return value;
  case Type::boolean:
    if (!value.is_boolean()) {
      throw expected("true or false");
    }
    return value;
  case Type::console:
    return normal_console(value);
  case Type::ending:
    return normal_ending(value);
  case Type::json:
    return value;
  case Type::table:
    if (!value.is_object()) {
      throw expected("a table");
    }
    return value;
  case Type::texts: {
    Json texts =
        value == Json::array() ? value : array_of(value, "a text or a list of texts", normal_text);
    for (const Json& text : texts) {
      need_choice(key, text);
    }
    return texts;
  }
  case Type::argv:
    return normal_argv(value);
  case Type::argvs:
    return array_of(
        value.is_array() && !value.empty() && value[0].is_string() ? Json::array({value}) : value,
        "a list of commands", normal_argv);
  case Type::patterns:
    return array_of(value, "texts, { regex = \"…\" } or { set = \"…\" }", normal_pattern);
  case Type::checks:
    return normal_checks(value);
  case Type::values:
    return normal_values(value);
  case Type::saves:
    return normal_saves(value);
  case Type::range:
    return normal_range(value);
  }
  return value;
}

std::string text_mistake(const Json& checks, std::string_view text, std::string_view what) {
  for (const Json& one : checks) {
    const std::string check = one.items().begin().key();
    const auto asked = one.begin()->get<std::string>();
    if (!holds(check, asked, text)) {
      return format("asked of {}: {} '{}'", what, check, asked);
    }
  }
  return "";
}

} // namespace qt
