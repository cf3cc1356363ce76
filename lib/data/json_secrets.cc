#include "data/json_secrets.hh"

#include "base/secrets.hh"

namespace qt {

Json json_without_secrets(Json value) {
  if (value.is_string()) {
    return without_secrets(value.get_ref<const std::string&>());
  }
  if (value.is_structured()) {
    for (Json& element : value) {
      element = json_without_secrets(std::move(element));
    }
  }
  return value;
}

} // namespace qt
