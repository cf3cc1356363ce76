#include "definition/json_schema.hh"

#include "base/text.hh"
#include "definition/merge.hh"
#include "schema/build_word.hh"
#include "schema/failure_sets.hh"
#include "schema/step.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <array>
#include <cassert>

namespace qt {

namespace {

constexpr const char* k_name_pattern = "^[A-Za-z0-9_.+-]+$"; // is_name() of schema.hh

// The texts of these types as parse_duration() and parse_size() read them.
constexpr const char* k_duration_pattern = "^([0-9]+\\.?[0-9]*|\\.[0-9]+)(ms|s|m|h|d)$";
constexpr const char* k_size_pattern = "^[0-9]+[KMGT]?$";

// [asset.NAME] and so on. In a test "template" is a text, and "steps" is a list.
constexpr std::array<std::string_view, 5> k_kinds_of_tables = {"asset", "file", "test", "template",
                                                               "steps"};

bool is_kind_of_table(std::string_view name) {
  return std::find(k_kinds_of_tables.begin(), k_kinds_of_tables.end(), name) !=
         k_kinds_of_tables.end();
}

Json reference(const char* name) { return {{"$ref", std::string("#/definitions/") + name}}; }

// A text with a name in it, whose value may be anything.
Json variable() { return {{"type", "string"}, {"pattern", "\\$\\{"}}; }

Json any_of(std::vector<Json> ways) { return {{"anyOf", Json(std::move(ways))}}; }

// One value or a list of them.
Json one_or_list(const Json& element, std::size_t least) {
  return any_of({element, {{"type", "array"}, {"items", element}, {"minItems", least}}});
}

Json plain_text(const Key& key) {
  Json text = {{"type", "string"}};
  if (key.empty == Empty::mistake) {
    text["minLength"] = 1;
  }
  return text;
}

// A text, or one of the choices that the key's argument names: "a|b:TEXT" (key.cc).
Json text_schema(const Key& key) {
  const std::vector<std::string> choices = split(key.argument, '|');
  if (choices.size() < 2) {
    return plain_text(key);
  }
  std::vector<Json> ways;
  for (const std::string& choice : choices) {
    const std::size_t colon = choice.find(':');
    ways.push_back(
        colon == std::string::npos
            ? Json{{"const", choice}}
            : Json{{"type", "string"}, {"pattern", "^" + choice.substr(0, colon + 1) + "."}});
  }
  ways.push_back(variable());
  return any_of(std::move(ways));
}

Json argv_schema() { return {{"type", "array"}, {"items", {{"type", "string"}}}, {"minItems", 1}}; }

Json texts_of(std::initializer_list<const char*> names) {
  Json properties = Json::object();
  for (const char* name : names) {
    properties[name] = {{"type", "string"}};
  }
  return {{"type", "object"},
          {"properties", properties},
          {"additionalProperties", false},
          {"minProperties", 1}};
}

Json names_of(const Json& value) {
  return {{"type", "object"}, {"additionalProperties", value}, {"minProperties", 1}};
}

// Where a value to be saved is, and what it is where there is none.
Json saved_schema() {
  Json saved = texts_of({"at", "default"});
  saved["properties"]["default"] = {{"type", {"string", "number", "boolean"}}};
  saved["required"] = {"at", "default"};
  return saved;
}

// The values of a type as a definition writes them: what normal_value() accepts.
Json value_schema(const Key& key) {
  switch (key.type) {
  case Type::text:
    return text_schema(key);
  case Type::bytes:
  case Type::regex:
    return plain_text(key);
  case Type::duration:
    return any_of({{{"type", "string"}, {"pattern", k_duration_pattern}}, variable()});
  case Type::size: {
    std::vector<Json> ways = {{{"type", "integer"}, {"minimum", 0}},
                              {{"type", "string"}, {"pattern", k_size_pattern}},
                              variable()};
    if (key.argument.starts_with("pow2")) {
      ways.push_back({{"const", "pow2"}});
    }
    return any_of(std::move(ways));
  }
  case Type::integer:
    return any_of({{{"type", "integer"}}, variable()});
  case Type::status:
    return any_of(
        {{{"type", "integer"}, {"minimum", 0}, {"maximum", 255}}, {{"const", "any"}}, variable()});
  case Type::flag:
    return any_of({{{"const", true}}, variable()});
  case Type::boolean:
    return any_of({{{"type", "boolean"}}, variable()});
  case Type::console:
    return any_of({{{"type", "integer"}, {"minimum", 0}, {"maximum", 15}},
                   {{"type", "string"}, {"minLength", 1}},
                   {{"const", false}}});
  case Type::ending:
    return any_of({{{"const", true}}, plain_text(key)});
  case Type::json:
    return Json::object();
  case Type::table:
    return any_of({{{"type", "object"}}, variable()});
  case Type::texts:
    return one_or_list(text_schema(key), key.empty == Empty::mistake ? 1 : 0);
  case Type::argv:
    return any_of({argv_schema(), variable()});
  case Type::argvs:
    return any_of({argv_schema(),
                   {{"type", "array"}, {"items", argv_schema()}, {"minItems", 1}},
                   variable()});
  case Type::patterns: {
    Json pattern = texts_of({"text", "regex", "set"});
    pattern["properties"]["set"] = any_of({{{"enum", failure_set_names()}}, variable()});
    pattern["maxProperties"] = 1;
    return one_or_list(any_of({plain_text(key), pattern}), 1);
  }
  case Type::checks:
    return one_or_list(
        any_of({plain_text(key), texts_of({"contains", "equals", "matches", "lacks"})}), 1);
  case Type::values:
    return any_of({names_of({{"type", "string"}}), variable()});
  case Type::saves:
    return any_of({names_of(any_of({{{"type", "string"}}, saved_schema()})), variable()});
  case Type::range:
    return any_of(
        {{{"type", "array"}, {"items", {{"type", "number"}}}, {"minItems", 2}, {"maxItems", 2}},
         variable()});
  }
  return Json::object();
}

// The same with what an editor shows beside it.
Json described_schema(const Key& key) {
  Json schema = value_schema(key);
  schema["description"] = key.help;
  return schema;
}

Json table_of(Json properties) {
  return {
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

Json keys_schema(std::span<const Key> keys) {
  Json properties = Json::object();
  for (const Key& key : keys) {
    properties[std::string(key.name)] = described_schema(key);
  }
  return table_of(std::move(properties));
}

// Tables [KIND.NAME].
Json named_tables(const char* definition) {
  return {{"type", "object"},
          {"propertyNames", {{"pattern", k_name_pattern}}},
          {"additionalProperties", reference(definition)}};
}

// Steps, and those that stand for a list that has a name (template.hh).
Json list_of(const char* definition) {
  Json use = table_of({{"use", {{"type", "string"}}}});
  use["required"] = Json::array({"use"});
  const Json step = any_of({reference(definition), use});
  return any_of({{{"type", "array"}, {"items", step}}, variable()});
}

Json step_list_schema() {
  Json list = table_of({{"steps", list_of("step")}});
  list["required"] = Json::array({"steps"});
  return list;
}

// The keys that have a place in one of these steps.
Json step_properties(std::uint32_t types) {
  Json properties = Json::object();
  for (const std::span<const Key> keys : {step_type_keys(), step_modifier_keys()}) {
    for (const Key& key : keys) {
      if ((key.steps & types) != 0) {
        properties[std::string(key.name)] = described_schema(key);
      }
    }
  }
  return properties;
}

// A step: one way for each kind, with the keys that have a place in it. One that types may wait,
// too.
Json step_schema(std::span<const StepType> types) {
  std::vector<Json> ways;
  for (const StepType type : types) {
    const std::string name(step_type_name(type));
    constexpr std::uint32_t k_may_end_typing =
        in(StepType::wait, StepType::wait_regex, StepType::tap);
    const bool may_wait = type == StepType::line || type == StepType::send;
    Json properties = step_properties(bit(type) | (may_wait ? k_may_end_typing : 0U));
    Json way = table_of(std::move(properties));
    way["title"] = name;
    way["required"] = Json::array({name});
    ways.push_back(std::move(way));
  }
  return any_of(std::move(ways));
}

Json all_steps_schema() {
  std::vector<StepType> types;
  for (const Key& key : step_type_keys()) {
    types.push_back(*step_type_from(key.name));
  }
  return step_schema(types);
}

// The keys of definitions and tests that are in no table of keys. Null for any other.
Json structure_schema(std::string_view name) {
  const Json text = {{"type", "string"}};
  const Json values = {{"type", "object"}};
  if (name == "summary" || name == "template") {
    return text;
  }
  if (name == "suite") {
    return {{"const", "thorough"}};
  }
  if (name == "tags" || name == "include") {
    return one_or_list(text, 0);
  }
  if (name == "params") {
    return values;
  }
  if (name == "matrix") {
    return {{"type", "object"},
            {"additionalProperties", {{"type", "array"}, {"minItems", 1}}},
            {"minProperties", 1}};
  }
  if (name == "requires") {
    return reference("requires");
  }
  if (name == "phase") {
    return {{"type", "array"}, {"items", reference("phase")}, {"minItems", 1}};
  }
  if (name == "check") {
    return {{"type", "array"}, {"items", reference("check")}, {"minItems", 1}};
  }
  if (name == "vm") {
    Json vms = named_tables("vm");
    vms["minProperties"] = 1;
    return vms;
  }
  if (name == "steps") {
    return list_of("step");
  }
  if (name == "prepare" || name == "verify") {
    return list_of("host-step");
  }
  return nullptr;
}

// A table of the keys in `names`: each is one of the tables of keys or has a structure of its own.
Json names_schema(const std::vector<std::string_view>& names) {
  Json properties = Json::object();
  for (const std::string_view name : names) {
    const Key* const of_machine = find_key(vm_keys(), name);
    const Key* const key = of_machine != nullptr ? of_machine : find_key(dialogue_keys(), name);
    const Json structure = structure_schema(name);
    assert(!structure.is_null() || key != nullptr);
    properties[std::string(name)] = !structure.is_null() ? structure : described_schema(*key);
  }
  return table_of(std::move(properties));
}

Json required(const char* name) { return {{"required", Json::array({name})}}; }

Json one_of(std::vector<Json> ways) { return Json(std::move(ways)); }

// A text, or a table of texts (requirement.hh).
Json flaky_schema(const Json& text) {
  Json table =
      table_of({{"bug", {{"type", "string"}, {"minLength", 1}}},
                {"until", {{"type", "string"}, {"pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$|\\$\\{"}}},
                {"on", {{"type", "string"}, {"pattern", "^host-(arch|os):.|\\$\\{"}}}});
  table["required"] = Json::array({"bug"});
  return any_of({text, table});
}

Json requires_schema() {
  Json schema = keys_schema(requires_keys());
  Json& flaky = schema["properties"]["flaky"];
  flaky = flaky_schema(flaky);
  Json words = Json::array();
  for (const BuildWord& word : build_words()) {
    words.push_back(word.word);
    words.push_back(format("not {}", word.word));
  }
  schema["properties"]["config"] = one_or_list(any_of({{{"enum", words}}, variable()}), 1);
  return schema;
}

Json check_schema() {
  const Json name = {{"type", "string"}, {"pattern", k_name_pattern}};
  Json check = table_of({{"name", any_of({name, variable()})},
                         {"summary", {{"type", "string"}}},
                         {"steps", list_of("step")}});
  check["required"] = Json::array({"name", "steps"});
  return check;
}

Json asset_schema() {
  Json asset = keys_schema(asset_keys());
  Json with_digest = required("url");
  with_digest["oneOf"] = one_of({required("sha256"), required("sha512")});
  asset["oneOf"] = one_of({with_digest, required("env"), required("path")});
  return asset;
}

Json file_schema() {
  Json file = keys_schema(file_keys());
  file["oneOf"] = one_of({required("from"), required("text"), required("make")});
  file["dependencies"] = {{"inputs", Json::array({"make"})}, {"timeout", Json::array({"make"})}};
  return file;
}

} // namespace

Json definition_schema() {
  std::vector<std::string_view> names = definition_keys();
  std::erase_if(names, is_kind_of_table);
  Json schema = names_schema(names);
  for (const std::string_view kind : k_kinds_of_tables) {
    schema["properties"][std::string(kind)] = named_tables(std::string(kind).c_str());
  }
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = "A definition of the QEMU test toolkit: qt-definition(5)";
  schema["definitions"] = {
      {"asset", asset_schema()},
      {"file", file_schema()},
      {"requires", requires_schema()},
      {"test", names_schema(test_keys())},
      {"template", names_schema(test_keys())},
      {"steps", step_list_schema()},
      {"check", check_schema()},
      {"phase", names_schema(phase_keys())},
      {"vm", keys_schema(vm_keys())},
      {"step", all_steps_schema()},
      {"host-step", step_schema(std::array{StepType::run, StepType::file, StepType::sleep})},
  };
  return schema;
}

} // namespace qt
