#include "data/toml.hh"

#include "base/format.hh"

#include <algorithm>
#include <cmath>

// toml++ is compiled into this one module, whatever its package would link: see format.cc.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace qt {

namespace {

using FileName = std::shared_ptr<const std::string>;

Position position_of(const toml::source_region& source, const FileName& file) {
  return {file, source.begin.line, source.begin.column};
}

Value other(Value value, std::string_view what) {
  value.kind = Value::Kind::other;
  value.text = what;
  return value;
}

Value convert(const toml::node& node, const FileName& file);

Value convert_table(const toml::table& table, Value value, const FileName& file) {
  value.kind = Value::Kind::table;
  for (const auto& [key, node] : table) {
    value.members.push_back(
        {std::string(key.str()), position_of(key.source(), file), convert(node, file)});
  }
  // toml++ keeps members sorted by name; the order that people wrote is where they stand.
  std::sort(value.members.begin(), value.members.end(), [](const Member& a, const Member& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  return value;
}

Value convert(const toml::node& node, const FileName& file) {
  Value value;
  value.at = position_of(node.source(), file);
  switch (node.type()) {
  case toml::node_type::table:
    return convert_table(*node.as_table(), std::move(value), file);
  case toml::node_type::array:
    value.kind = Value::Kind::list;
    for (const toml::node& element : *node.as_array()) {
      value.elements.push_back(convert(element, file));
    }
    return value;
  case toml::node_type::string:
    value.kind = Value::Kind::text;
    value.text = node.as_string()->get();
    return value;
  case toml::node_type::integer:
    value.kind = Value::Kind::integer;
    value.integer = node.as_integer()->get();
    return value;
  case toml::node_type::floating_point:
    value.kind = Value::Kind::number;
    value.number = node.as_floating_point()->get();
    return std::isfinite(value.number) ? value : other(std::move(value), "inf or nan");
  case toml::node_type::boolean:
    value.kind = Value::Kind::boolean;
    value.boolean = node.as_boolean()->get();
    return value;
  default:
    return other(std::move(value), "a date or time");
  }
}

// The library's words with what a reader of this project's files needs to know besides.
std::string explain(std::string_view description) {
  constexpr std::string_view k_prefix = "Error while ";
  std::string text(description.starts_with(k_prefix) ? description.substr(k_prefix.size())
                                                     : description);
  const auto mentions = [&text](std::string_view words) {
    return text.find(words) != std::string::npos;
  };
  if (mentions("inline table") && (mentions("saw '\\n'") || mentions("saw '\\r'"))) {
    text += "; a { … } must stand on one line, or begin a [table] of its own";
  } else if (mentions("dangling comma")) {
    text += "; a { … } has no comma behind its last value";
  } else if (mentions("unknown escape sequence")) {
    text += "; write '\\\\' for a backslash, or the text in single quotes";
  } else if (mentions("could not determine value type") || mentions("parsing boolean") ||
             mentions("expected digit, saw")) {
    text += "; texts, also times and sizes, stand in quotes";
  }
  return text;
}

} // namespace

std::string Position::text() const {
  return format("{}:{}:{}", file ? *file : std::string(), line, column);
}

const Member* Value::member(std::string_view key) const noexcept {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [key](const Member& member) { return member.key == key; });
  return found == members.end() ? nullptr : &*found;
}

const Value* Value::find(std::string_view key) const noexcept {
  const Member* const found = member(key);
  return found == nullptr ? nullptr : &found->value;
}

std::variant<Value, Mistake> parse_toml(std::string_view text, const std::string& file) {
  const FileName name = std::make_shared<const std::string>(file);
  try {
    return convert(toml::parse(text), name);
  } catch (const toml::parse_error& error) {
    return Mistake{position_of(error.source(), name), explain(error.description())};
  }
}

} // namespace qt
