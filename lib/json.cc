#include "json.hh"

#include "error.hh"

#include <algorithm>

namespace qt {

Json parse_json(std::string_view text, std::string_view source) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    // The library's text starts with "[json.exception.…] parse error at line L, column C: ".
    const std::string_view what = error.what();
    const std::size_t prefix = what.find("] ");
    throw Error(
        format("{}: {}", source, prefix == std::string_view::npos ? what : what.substr(prefix + 2)),
        ExitCode::usage);
  }
}

std::string dump_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string dump_json_indented(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace);
}

bool json_contains(const Json& value, const Json& wanted) {
  if (wanted.is_object()) {
    return value.is_object() &&
           std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& item) {
             const auto member = value.find(item.key());
             return member != value.end() && json_contains(*member, item.value());
           });
  }
  if (wanted.is_array()) {
    return value.is_array() && std::all_of(wanted.begin(), wanted.end(), [&](const Json& element) {
             return std::any_of(value.begin(), value.end(), [&](const Json& candidate) {
               return json_contains(candidate, element);
             });
           });
  }
  return value == wanted;
}

const Json* json_at(const Json& value, const std::string& pointer) {
  try {
    const Json::json_pointer where(pointer);
    return value.contains(where) ? &value.at(where) : nullptr;
  } catch (const Json::exception&) {
    return nullptr;
  }
}

} // namespace qt
