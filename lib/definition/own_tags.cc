#include "definition/own_tags.hh"

#include "base/text.hh"

namespace qt {

std::vector<std::string> read_tags(const Value& value, const Reader& reader) {
  const Key key{"tags", Type::texts, "", "", 0, Empty::allowed};
  std::vector<std::string> tags;
  for (const Json& tag : reader.value(key, value).value_or(Json::array())) {
    tags.push_back(tag.get<std::string>());
    if (!is_name(tags.back()) || tags.back() == "and" || tags.back() == "or" ||
        tags.back() == "not" || find_key(requires_keys(), tags.back()) != nullptr) {
      reader.mistakes().add(value.at,
                            format("tags: '{}' cannot be a tag; expected a word of letters, digits "
                                   "and _ - . + that is neither and, or, not nor a requirement",
                                   tags.back()));
    }
  }
  return tags;
}

} // namespace qt
