#include "reply_check.hh"

#include "format.hh"

#include "match.hh"
#include "text.hh"

#include <algorithm>

namespace qt {

namespace {

// The deepest place that explains why `value` lacks `wanted`: tables are followed member by member,
// lists are one place, as any element may serve.
std::string difference_at(const std::string& pointer, const Json& value, const Json& wanted) {
  if (json_contains(value, wanted)) {
    return "";
  }
  if (wanted.is_object() && value.is_object()) {
    for (const auto& [name, member] : wanted.items()) {
      const auto found = value.find(name);
      const std::string below = pointer + "/" + name;
      if (found == value.end()) {
        return format("at '{}': asked {}, but there is no such member in {}", below,
                      shorten(member), shorten(value));
      }
      const std::string inside = difference_at(below, *found, member);
      if (!inside.empty()) {
        return inside;
      }
    }
  }
  if (wanted.is_array() && value.is_array()) {
    for (const Json& element : wanted) {
      if (!json_contains(value, Json::array({element}))) {
        return format("at '{}': no element contains {}; came {}", pointer, shorten(element),
                      shorten(value));
      }
    }
  }
  return format("at '{}': asked {}, came {}", pointer, shorten(wanted), shorten(value));
}

// A text as it is, anything else as JSON.
std::string text_of_value(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

bool has_part(const Json& value, const std::string& part) {
  if (value.is_array()) {
    return std::any_of(value.begin(), value.end(),
                       [&](const Json& element) { return text_of_value(element) == part; });
  }
  return value.is_object() ? value.contains(part)
                           : text_of_value(value).find(part) != std::string::npos;
}

std::size_t length_of(const Json& value) {
  return value.is_string() ? value.get_ref<const std::string&>().size() : value.size();
}

std::string mistake_of(std::string_view check, const Json& asked, const Json& value) {
  if (check == "returns") {
    return difference(value, asked);
  }
  if (check == "equals" && value != asked) {
    return format("asked exactly {}, came {}", shorten(asked), shorten(value));
  }
  if (check == "matches" &&
      !Regex(asked.get<std::string>()).search(text_of_value(value)).has_value()) {
    return format("asked a match of '{}', came {}", asked.get<std::string>(), shorten(value));
  }
  if (check == "lacks" && has_part(value, asked.get<std::string>())) {
    return format("asked that '{}' is not there, came {}", asked.get<std::string>(),
                  shorten(value));
  }
  if (check == "length" &&
      (!(value.is_structured() || value.is_string()) || asked != Json(length_of(value)))) {
    return format("asked length {}, came {} of length {}", dump_json(asked), shorten(value),
                  length_of(value));
  }
  if (check == "range" && !(value.is_number() && value >= asked[0] && value <= asked[1])) {
    return format("asked {} to {}, came {}", dump_json(asked[0]), dump_json(asked[1]),
                  shorten(value));
  }
  return "";
}

} // namespace

const Json* narrowed(const Step& step, const Json& reply, std::string& missing) {
  const std::string pointer = step.text("at");
  const Json* const value = json_at(reply, pointer);
  if (value != nullptr) {
    return value;
  }
  std::string known = pointer;
  while (json_at(reply, known) == nullptr && !known.empty()) {
    known.erase(std::min(known.rfind('/'), known.size() - 1));
  }
  const Json* const part = json_at(reply, known);
  missing = format("at '{}': there is only '{}', which is {}", pointer, known,
                   part != nullptr ? shorten(*part) : "nothing");
  return nullptr;
}

std::string difference(const Json& value, const Json& wanted) {
  return difference_at("", value, wanted);
}

std::string reply_mistake(const Step& step, const Json& value) {
  for (const std::string_view check :
       {"returns", "equals", "matches", "lacks", "length", "range"}) {
    const Json* const asked = step.find(check);
    std::string mistake = asked != nullptr ? mistake_of(check, *asked, value) : "";
    if (!mistake.empty()) {
      const std::string at = step.text("at");
      return at.empty() ? mistake : format("in '{}': {}", at, mistake);
    }
  }
  return "";
}

std::string shorten(const Json& value) {
  constexpr std::size_t k_limit = 300;
  const std::string text = dump_json(value);
  return text.size() <= k_limit ? text : text.substr(0, k_limit) + "…";
}

} // namespace qt
