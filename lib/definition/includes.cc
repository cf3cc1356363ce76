#include "definition/includes.hh"

#include "base/error.hh"
#include "data/toml.hh"
#include "os/file.hh"

#include <filesystem>
#include <variant>
#include <vector>

namespace qt {

namespace {

void add_with_includes(const std::string& path, std::set<std::string>& files) {
  if (!files.insert(path).second) {
    return;
  }
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error&) { // it may come later
    return;
  }
  const auto parsed = parse_toml(text, path);
  const Value* const root = std::get_if<Value>(&parsed);
  const Value* const include = root != nullptr ? root->find("include") : nullptr;
  if (include == nullptr) {
    return;
  }
  const std::vector<Value> names =
      include->is(Value::Kind::text) ? std::vector<Value>{*include} : include->elements;
  for (const Value& name : names) {
    if (name.is(Value::Kind::text)) {
      const auto included = std::filesystem::path(parent_of(path)) / name.text;
      add_with_includes(included.lexically_normal().string(), files);
    }
  }
}

} // namespace

std::set<std::string> definition_and_includes(const std::string& path) {
  std::set<std::string> files;
  add_with_includes(path, files);
  return files;
}

} // namespace qt
