#include "saved_values.hh"

namespace qt {

void SavedValues::keep(const std::string& name, const Json& value) {
  m_values[name] = value.is_string() ? value.get<std::string>() : dump_json(value);
}

std::string SavedValues::put_into(std::string_view text) const {
  std::string result;
  while (!text.empty()) {
    const std::size_t dollar = text.find('$');
    result += text.substr(0, dollar);
    text.remove_prefix(std::min(dollar, text.size()));
    const bool doubled = text.starts_with("$${");
    const std::string_view rest = text.substr(doubled ? 1 : 0);
    const std::size_t brace = rest.find('}');
    if (rest.starts_with("${") && brace != std::string_view::npos) {
      const auto found = m_values.find(std::string(rest.substr(2, brace - 2)));
      if (found != m_values.end()) {
        result += doubled ? rest.substr(0, brace + 1) : std::string_view(found->second);
        text = rest.substr(brace + 1);
        continue;
      }
    }
    if (!text.empty()) {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

Json SavedValues::put_into_all(const Json& value) const {
  if (value.is_string()) {
    return put_into(value.get_ref<const std::string&>());
  }
  Json result = value;
  if (value.is_structured()) {
    for (Json& element : result) {
      element = put_into_all(element);
    }
  }
  return result;
}

} // namespace qt
