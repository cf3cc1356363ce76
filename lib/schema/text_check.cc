#include "schema/text_check.hh"

#include "base/format.hh"
#include "data/regex.hh"

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

} // namespace

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
