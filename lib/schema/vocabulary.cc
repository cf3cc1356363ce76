#include "schema/vocabulary.hh"

#include "base/secrets.hh"
#include "base/shell_words.hh"
#include "schema/console_keys.hh"
#include "schema/dialogue_keys.hh"
#include "schema/empty_value.hh"
#include "schema/host_keys.hh"
#include "schema/key_option.hh"
#include "schema/machine_keys.hh"
#include "schema/monitor_keys.hh"
#include "schema/payload_keys.hh"
#include "schema/requires_keys.hh"
#include "schema/shell_command.hh"

#include <algorithm>
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

// Commands that reply with a list of tables (QEMU's qapi/*.json): of such a list no element is
// equal to a text.
constexpr auto k_list_tables = std::to_array<std::string_view>({
    "device-list-properties",
    "qom-list",
    "qom-list-properties",
    "qom-list-types",
    "query-acpi-ospm-status",
    "query-audiodevs",
    "query-block",
    "query-block-exports",
    "query-block-jobs",
    "query-blockstats",
    "query-chardev",
    "query-chardev-backends",
    "query-command-line-options",
    "query-commands",
    "query-cpu-definitions",
    "query-cpus-fast",
    "query-cryptodev",
    "query-events",
    "query-fdsets",
    "query-gic-capabilities",
    "query-hotpluggable-cpus",
    "query-iothreads",
    "query-jobs",
    "query-machines",
    "query-memdev",
    "query-memory-devices",
    "query-mice",
    "query-migrate-capabilities",
    "query-migrationthreads",
    "query-named-block-nodes",
    "query-pci",
    "query-qmp-schema",
    "query-rocker-of-dpa-flows",
    "query-rocker-of-dpa-groups",
    "query-rocker-ports",
    "query-rx-filter",
    "query-stats",
    "query-stats-schemas",
    "query-tpm",
    "query-vnc-servers",
    "query-yank",
    "trace-event-get-state",
    "x-query-virtio",
    "xen-event-list",
});

bool is_list_of_tables(const Json* value) {
  return value != nullptr && value->is_array() &&
         std::any_of(value->begin(), value->end(),
                     [](const Json& element) { return element.is_structured(); });
}

// Of a step as a whole: "lacks" that looks for a text among tables.
bool lacks_among_tables(const Step& step) {
  const bool lists_tables =
      step.text("at").empty() && std::find(k_list_tables.begin(), k_list_tables.end(),
                                           step.text("qmp")) != k_list_tables.end();
  return step.find("lacks") != nullptr &&
         (lists_tables || is_list_of_tables(step.find("returns")) ||
          is_list_of_tables(step.find("until")) || is_list_of_tables(step.find("equals")));
}

std::string qmp_mistake(const Step& step) {
  if (step.find("error") != nullptr) {
    for (const char* key :
         {"returns", "until", "save", "at", "matches", "equals", "lacks", "length", "range"}) {
      if (step.find(key) != nullptr) {
        return format("an error reply has nothing for {}", key);
      }
    }
  }
  if (step.find("desc") != nullptr && step.find("error") == nullptr) {
    return "desc needs error = \"Class\"";
  }
  return lacks_among_tables(step)
             ? "lacks: no text is equal to one of the tables in this list; name one with at = "
               "\"/0/…\", or judge the whole list with matches = '^(?!.*…)'"
             : "";
}

// The first key whose value says nothing.
std::string empty_key_mistake(const Step& step) {
  for (const auto& [name, value] : step.values.items()) {
    const Key* const key = find_step_key(step.type, name);
    const std::string mistake = key != nullptr ? empty_mistake(*key, value) : "";
    if (!mistake.empty()) {
      return format("{}: {}", name, mistake);
    }
  }
  return "";
}

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
  if (std::string mistake = empty_key_mistake(step); !mistake.empty()) {
    return mistake;
  }
  if (has("budget") && !has("mark")) {
    return "budget needs mark = \"NAME\"";
  }
  if (needs_console(step.type) && has("console") && *step.find("console") == false) {
    return "console = false is no console, which this step needs";
  }
  switch (step.type) {
  case StepType::interrupt:
    return has("until") ? "" : "interrupt needs until = \"the text that ends it\"";
  case StepType::shell: {
    const std::string mistake = shell_mistake(step.text("shell"));
    return mistake.empty() ? "" : format("shell: {}", mistake);
  }
  case StepType::qmp:
    if (std::string mistake = qmp_mistake(step); !mistake.empty()) {
      return mistake;
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

bool judges(const Step& step) {
  switch (step.type) {
  case StepType::line:
  case StepType::send:
  case StepType::kill:
  case StepType::sleep:
    return false;
  case StepType::run:
  case StepType::shell: {
    const Json* const status = step.find("status");
    return status == nullptr || *status != "any" || step.find("stdout") != nullptr ||
           step.find("save") != nullptr;
  }
  default:
    return true;
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
