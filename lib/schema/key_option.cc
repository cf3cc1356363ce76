#include "schema/key_option.hh"

#include "base/shell_words.hh"
#include "base/text.hh"

namespace qt {

namespace {

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

// One of two would be ignored, and be it the one that fails.
void need_once(const Json& table, const std::string& name) {
  if (table.is_object() && table.contains(name)) {
    throw Error("it stands here already; one of the two would be ignored, so leave one out",
                ExitCode::usage);
  }
}

// One name of a table of values or of saves, or, with a suffix, the default of one that stands
// there.
void set_named(Json& table, const std::string& name, std::string_view suffix,
               const std::string& text) {
  if (suffix.empty()) {
    need_once(table, name);
    table[name] = text;
  } else if (!table.is_object() || !table.contains(name)) {
    throw Error(format("it belongs after --save {}=WHERE", name), ExitCode::usage);
  } else {
    need_once(table[name], "default");
    table[name] = {{"at", table[name]}, {"default", text}};
  }
}

// The part of a form's name after the key's name: "regex" in "fail-regex".
std::string_view form_suffix(const Key& key, std::string_view form) {
  return form.size() > key.name.size() ? form.substr(key.name.size() + 1) : std::string_view();
}

} // namespace

std::vector<OptionForm> option_forms(const Key& key) {
  const std::string name(key.name);
  const std::string argument(key.argument);
  const std::string help(key.help);
  switch (key.type) {
  case Type::patterns:
    return {{name, argument, help},
            {name + "-regex", "RE", "the same for what matches RE"},
            {name + "-set", "NAME", "the same for the known texts of NAME, such as linux"}};
  case Type::checks:
    return {{name, argument, help},
            {name + "-equals", "TEXT", "the same, but all of it is TEXT"},
            {name + "-matches", "RE", "the same, but it matches RE"},
            {name + "-lacks", "TEXT", "the same, but it lacks TEXT"}};
  case Type::saves:
    return {{name, argument, help},
            {name + "-default", "NAME=VALUE", "the value of NAME where there is none"}};
  case Type::ending:
    return {{name, "", help}, {name + "-until", argument, "the same, but until TEXT appears"}};
  case Type::flag:
    return {{name, "", help}};
  default:
    return {{name, argument, help}};
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
      const std::string kind = pattern.items().begin().key();
      add(kind == "text" ? option : option + "-" + kind, pattern.begin()->get<std::string>());
    }
    break;
  case Type::checks:
    for (const Json& check : value) {
      const std::string kind = check.items().begin().key();
      add(kind == "contains" ? option : option + "-" + kind, check.begin()->get<std::string>());
    }
    break;
  case Type::values:
    for (const auto& [name, text] : value.items()) {
      add(option, name + "=" + text.get<std::string>());
    }
    break;
  case Type::saves:
    for (const auto& [name, where] : value.items()) {
      add(option, name + "=" + place_of(where));
      if (const Json* const other = default_of(where)) {
        add(option + "-default", name + "=" + other->get<std::string>());
      }
    }
    break;
  case Type::range:
    add(option, dump_json(value[0]) + ".." + dump_json(value[1]));
    break;
  case Type::ending:
    if (value.is_string()) {
      add(option + "-until", value.get<std::string>());
    } else {
      words.push_back(option);
    }
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
    table[name].push_back(normal_value(key, {{suffix.empty() ? "text" : suffix, text}})[0]);
    return;
  case Type::checks:
    table[name].push_back(Json::object({{suffix.empty() ? "contains" : suffix, text}}));
    return;
  case Type::texts:
    table[name].push_back(normal_value(key, text)[0]);
    return;
  case Type::argvs:
    table[name].push_back(value_from_text(key.type, text));
    return;
  case Type::values:
  case Type::saves: {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw expected(suffix.empty() && key.type == Type::saves ? "NAME=WHERE" : "NAME=VALUE");
    }
    set_named(table[name], text.substr(0, equals), suffix, text.substr(equals + 1));
    return;
  }
  case Type::flag:
    table[name] = true;
    return;
  case Type::ending:
    need_once(table, name);
    table[name] = suffix.empty() ? Json(true) : normal_value(key, text);
    return;
  default:
    need_once(table, name);
    table[name] = normal_value(key, value_from_text(key.type, text));
  }
}

} // namespace qt
