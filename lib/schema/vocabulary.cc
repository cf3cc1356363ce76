#include "schema/vocabulary.hh"

#include "base/secrets.hh"
#include "base/shell_words.hh"
#include "schema/console_keys.hh"
#include "schema/dialogue_keys.hh"
#include "schema/host_keys.hh"
#include "schema/key_option.hh"
#include "schema/machine_keys.hh"
#include "schema/monitor_keys.hh"
#include "schema/payload_keys.hh"
#include "schema/requires_keys.hh"

#include <array>

namespace qt {

namespace {

// The rows of several families as one table.
template<std::size_t... Sizes>
constexpr auto joined(const std::array<Key, Sizes>&... families) {
  std::array<Key, (Sizes + ...)> all{};
  std::size_t next = 0;
  const auto add = [&](const auto& rows) {
    for (const Key& key : rows) {
      all[next++] = key;
    }
  };
  (add(families), ...);
  return all;
}

constexpr std::array k_step_types = joined(k_console_steps, k_monitor_steps, k_host_steps);
constexpr std::array k_step_modifiers =
    joined(k_common_modifiers, k_console_modifiers, k_monitor_modifiers, k_host_modifiers);

} // namespace

std::span<const Key> step_type_keys() { return k_step_types; }
std::span<const Key> step_modifier_keys() { return k_step_modifiers; }
std::span<const Key> dialogue_keys() { return k_dialogue; }
std::span<const std::string_view> test_dialogue_keys() { return k_test_dialogue; }
std::span<const Key> vm_keys() { return k_vm; }
std::span<const Key> file_keys() { return k_file; }
std::span<const Key> asset_keys() { return k_asset; }
std::span<const Key> requires_keys() { return k_requires; }

const Key* find_step_key(StepType type, std::string_view name) {
  for (const std::span<const Key> keys : {step_type_keys(), step_modifier_keys()}) {
    for (const Key& key : keys) {
      if (key.name == name && (key.steps & bit(type)) != 0) {
        return &key;
      }
    }
  }
  return nullptr;
}

const Json* Step::find(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &*found;
}

std::string Step::text(std::string_view key) const {
  const Json* const value = find(key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::string_view step_type_name(StepType type) {
  return k_step_types[static_cast<std::size_t>(type)].name;
}

std::optional<StepType> step_type_from(std::string_view name) {
  for (std::size_t i = 0; i < k_step_types.size(); ++i) {
    if (k_step_types[i].name == name) {
      return static_cast<StepType>(i);
    }
  }
  return std::nullopt;
}

std::string step_mistake(const Step& step) {
  const auto has = [&step](std::string_view key) { return step.find(key) != nullptr; };
  if (has("budget") && !has("mark")) {
    return "budget needs mark = \"the stage that it is for\"";
  }
  switch (step.type) {
  case StepType::wait:
  case StepType::wait_regex:
    return step.text(step_type_name(step.type)).empty()
               ? "an empty text is always there; say what to wait for"
               : "";
  case StepType::interrupt:
    return has("until") ? "" : "interrupt needs until = \"the text that ends it\"";
  case StepType::qmp:
    if (has("error") && (has("returns") || has("until") || has("save"))) {
      return "an error reply has nothing for returns, until or save";
    }
    if (has("desc") && !has("error")) {
      return "desc needs error = \"Class\"";
    }
    [[fallthrough]];
  case StepType::hmp:
    return has("every") && !has("until") ? "every needs until" : "";
  case StepType::file:
    return has("matches") || has("lacks") || has("sha256") || has("min-size")
               ? ""
               : "file needs matches, lacks, sha256 or min-size";
  case StepType::fetch:
    return has("sha256") ? "" : "fetch needs sha256";
  default:
    return "";
  }
}

std::vector<std::string> step_words(const Step& step) {
  const std::string name(step_type_name(step.type));
  std::vector<std::string> words;
  append_options(k_step_types[static_cast<std::size_t>(step.type)], step.values.at(name), words);
  for (const Key& key : k_step_modifiers) {
    const Json* const value = (key.steps & bit(step.type)) != 0 ? step.find(key.name) : nullptr;
    if (value != nullptr) {
      append_options(key, *value, words);
    }
  }
  return words;
}

std::string describe_step(const Step& step) {
  return without_secrets(shell_join(step_words(step)));
}

} // namespace qt
