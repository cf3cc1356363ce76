#include "key.hh"

#include "duration.hh"
#include "error.hh"
#include "text.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

Error expected(std::string_view what) {
  return Error(format("expected {}", what), ExitCode::usage);
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
  const bool known = value.is_object() && value.size() == 1 &&
                     (value.contains("text") || value.contains("regex")) &&
                     value.begin()->is_string();
  if (!known) {
    throw expected("texts or { regex = \"…\" }");
  }
  return value;
}

Json normal_checks(const Json& value) {
  constexpr std::array<std::string_view, 4> k_known = {"contains", "equals", "matches", "lacks"};
  if (value.is_string()) {
    return {{"contains", value}};
  }
  bool known = value.is_object() && !value.empty();
  if (known) {
    for (const auto& [name, text] : value.items()) {
      known = known && text.is_string() &&
              std::find(k_known.begin(), k_known.end(), name) != k_known.end();
    }
  }
  if (!known) {
    throw expected("a text or a table of contains, equals, matches, lacks");
  }
  return value;
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

Json normal_range(const Json& value) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_number() || !value[1].is_number() ||
      value[0] > value[1]) {
    throw expected("[minimum, maximum]");
  }
  return value;
}

Json normal_saves(const Json& value) {
  const bool known =
      value.is_object() && !value.empty() &&
      std::all_of(value.begin(), value.end(), [](const Json& where) { return where.is_string(); });
  if (!known) {
    throw expected("a table of names, such as { port = \"/0/port\" }");
  }
  return value;
}

// The text of an option as a value that normal_value() takes.
Json value_from_text(Type type, const std::string& text) {
  switch (type) {
  case Type::bytes: {
    const std::optional<std::string> bytes = parse_escapes(text);
    if (!bytes) {
      throw expected("keys with \\r \\n \\t \\e \\0 \\\\ and \\xNN as the only escapes");
    }
    return *bytes;
  }
  case Type::integer:
  case Type::status:
  case Type::console: {
    if (type == Type::console && text == "false") {
      return false;
    }
    const std::optional<std::int64_t> number = parse_integer(text);
    return number ? Json(*number) : Json(text);
  }
  case Type::flag:
    return true;
  case Type::boolean:
    return text == "true" ? Json(true) : text == "false" ? Json(false) : Json();
  case Type::json:
  case Type::table:
    return parse_json(text, "JSON");
  case Type::argv:
  case Type::argvs: {
    const std::optional<std::vector<std::string>> words = split_words(text);
    if (!words || words->empty()) {
      throw expected("a command line with balanced quotes");
    }
    return *words;
  }
  case Type::range: {
    const std::size_t dots = text.find("..");
    if (dots == std::string::npos) {
      throw expected("MIN..MAX");
    }
    return {parse_json(text.substr(0, dots), "minimum"),
            parse_json(text.substr(dots + 2), "maximum")};
  }
  default:
    return text;
  }
}

// The part of a form's name behind the key's name: "regex" in "fail-regex".
std::string_view form_suffix(const Key& key, std::string_view form) {
  return form.size() > key.name.size() ? form.substr(key.name.size() + 1) : std::string_view();
}

} // namespace

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

Json normal_value(const Key& key, const Json& value) {
  switch (key.type) {
  case Type::text:
  case Type::bytes:
    need_string(value, "a text");
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
  case Type::json:
    return value;
  case Type::table:
    if (!value.is_object()) {
      throw expected("a table");
    }
    return value;
  case Type::texts:
    return value == Json::array() ? value
                                  : array_of(value, "a text or a list of texts", normal_text);
  case Type::argv:
    return normal_argv(value);
  case Type::argvs:
    return array_of(
        value.is_array() && !value.empty() && value[0].is_string() ? Json::array({value}) : value,
        "a list of commands", normal_argv);
  case Type::patterns:
    return array_of(value, "texts or { regex = \"…\" }", normal_pattern);
  case Type::checks:
    return normal_checks(value);
  case Type::saves:
    return normal_saves(value);
  case Type::range:
    return normal_range(value);
  }
  return value;
}

std::vector<OptionForm> option_forms(const Key& key) {
  const std::string name(key.name);
  const std::string argument(key.argument);
  switch (key.type) {
  case Type::patterns:
    return {{name, argument}, {name + "-regex", "RE"}};
  case Type::checks:
    return {{name, argument},
            {name + "-equals", "TEXT"},
            {name + "-matches", "RE"},
            {name + "-lacks", "TEXT"}};
  case Type::flag:
    return {{name, ""}};
  default:
    return {{name, argument}};
  }
}

void append_options(const Key& key, const Json& value, std::vector<std::string>& words) {
  const std::string option = format("--{}", key.name);
  const auto add = [&words](const std::string& name, const std::string& text) {
    if (text.starts_with('-')) { // as a word of its own it could be taken for an option
      words.push_back(name + "=" + text);
    } else {
      words.push_back(name);
      words.push_back(text);
    }
  };
  switch (key.type) {
  case Type::flag:
    words.push_back(option);
    break;
  case Type::bytes:
    add(option, format_escapes(value.get<std::string>()));
    break;
  case Type::argv:
    add(option, shell_join(value.get<std::vector<std::string>>()));
    break;
  case Type::argvs:
    for (const Json& argv : value) {
      add(option, shell_join(argv.get<std::vector<std::string>>()));
    }
    break;
  case Type::texts:
    for (const Json& text : value) {
      add(option, text.get<std::string>());
    }
    break;
  case Type::patterns:
    for (const Json& pattern : value) {
      const bool is_text = pattern.contains("text");
      add(is_text ? option : option + "-regex",
          pattern.at(is_text ? "text" : "regex").get<std::string>());
    }
    break;
  case Type::checks:
    for (const auto& [check, text] : value.items()) {
      add(check == "contains" ? option : option + "-" + check, text.get<std::string>());
    }
    break;
  case Type::saves:
    for (const auto& [name, where] : value.items()) {
      add(option, name + "=" + where.get<std::string>());
    }
    break;
  case Type::range:
    add(option, dump_json(value[0]) + ".." + dump_json(value[1]));
    break;
  case Type::json:
  case Type::table:
    add(option, dump_json(value));
    break;
  default:
    add(option, value.is_string() ? value.get<std::string>() : dump_json(value));
  }
}

void set_from_option(const Key& key, std::string_view form, const std::string& text, Json& table) {
  const std::string name(key.name);
  const std::string suffix(form_suffix(key, form));
  switch (key.type) {
  case Type::patterns:
    table[name].push_back({{suffix.empty() ? "text" : suffix, text}});
    return;
  case Type::checks:
    table[name][suffix.empty() ? "contains" : suffix] = text;
    return;
  case Type::texts:
    table[name].push_back(text);
    return;
  case Type::argvs:
    table[name].push_back(value_from_text(key.type, text));
    return;
  case Type::saves: {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw expected("NAME=WHERE");
    }
    table[name][text.substr(0, equals)] = text.substr(equals + 1);
    return;
  }
  default:
    table[name] = normal_value(key, value_from_text(key.type, text));
  }
}

} // namespace qt
