#include "data/toml_json.hh"

#include "base/format.hh"
#include "base/text.hh"

namespace qt {

Json json_of(const Value& value) {
  switch (value.kind) {
  case Value::Kind::table: {
    Json object = Json::object();
    for (const Member& member : value.members) {
      object[member.key] = json_of(member.value);
    }
    return object;
  }
  case Value::Kind::list: {
    Json array = Json::array();
    for (const Value& element : value.elements) {
      array.push_back(json_of(element));
    }
    return array;
  }
  case Value::Kind::text:
    return value.text;
  case Value::Kind::integer:
    return value.integer;
  case Value::Kind::number:
    return value.number;
  case Value::Kind::boolean:
    return value.boolean;
  case Value::Kind::date:
    return value.text;
  case Value::Kind::other:
    break;
  }
  return {};
}

std::string describe_value(const Value& value) {
  constexpr std::size_t k_longest = 40;
  switch (value.kind) {
  case Value::Kind::table:
    return value.members.empty() ? "an empty table" : "a table";
  case Value::Kind::list:
    return value.elements.empty() ? "an empty list" : "a list";
  case Value::Kind::text:
    return value.text.size() <= k_longest ? format("\"{}\"", format_escapes(value.text))
                                          : "a long text";
  case Value::Kind::date:
    return "a date or time";
  case Value::Kind::other:
    return value.text;
  default:
    return dump_json(json_of(value));
  }
}

} // namespace qt
