// What a dialogue has kept under names (groups of a regular expression, "save"), and how later
// steps use it: "${name}" in any text of a step becomes the value if `name` has been kept. Every
// other "${…}" is left as it is: it belongs to the guest's shell. "$${" is a literal "${" in any
// case (substitute.hh: this is the last pass).
#pragma once

#include "data/json.hh"

#include <map>
#include <string>
#include <string_view>

namespace qt {

class SavedValues {
public:
  SavedValues() = default;
  // The members of an object, as keep() does it.
  explicit SavedValues(const Json& given);
  // A string is kept as it is, any other value as JSON text.
  void keep(const std::string& name, const Json& value);

  std::string put_into(std::string_view text) const;
  // Into every string of a value, names of members aside.
  Json put_into_all(const Json& value) const;

  const std::map<std::string, std::string>& all() const noexcept { return m_values; }

private:
  std::map<std::string, std::string> m_values;
};

} // namespace qt
