#include "expect/saved_values.hh"

#include "base/substitute.hh"

namespace qt {

SavedValues::SavedValues(const Json& given) {
  for (const auto& [name, value] : given.items()) {
    keep(name, value);
  }
}

void SavedValues::keep(const std::string& name, const Json& value) {
  m_values[name] = value.is_string() ? value.get<std::string>() : dump_json(value);
}

std::string SavedValues::put_into(std::string_view text) const {
  const auto saved = [this](std::string_view name) {
    const auto found = m_values.find(std::string(name));
    return found == m_values.end() ? std::nullopt : std::optional(found->second);
  };
  return substitute(text, saved, Pass::last);
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
