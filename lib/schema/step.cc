#include "schema/step.hh"

#include "base/format.hh"
#include "base/log.hh"
#include "base/secrets.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "schema/empty_value.hh"
#include "schema/key_option.hh"
#include "schema/shell_command.hh"

#include <algorithm>
#include <array>
#include <span>

namespace qt {

namespace {

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

constexpr std::string_view k_comment_of_tap = "# ";

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

// Whether something is to be saved that has no default.
bool needs_a_value(const Json* saves) {
  return saves != nullptr && std::any_of(saves->begin(), saves->end(), [](const Json& where) {
           return default_of(where) == nullptr;
         });
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

// What is taken out of an answer before it is looked at: no check for it can ever fail, or hold.
std::string removed_mistake(const Step& step) {
  if (step.type == StepType::hmp && step.text("lacks").find('\r') != std::string::npos) {
    return "lacks: this cannot come: a line of the answer ends with LF alone; leave the CR out";
  }
  const Json* const checks = step.type == StepType::shell ? step.find("stdout") : nullptr;
  if (checks == nullptr) {
    return "";
  }
  const bool is_wrong = std::any_of(checks->begin(), checks->end(), [](const Json& check) {
    const auto asked = check.items().begin();
    return asked.key() != "matches" && asked.value().is_string() &&
           asked.value().get_ref<const std::string&>().find_first_of("\r\x1b") != std::string::npos;
  });
  return is_wrong ? "stdout: this cannot come: CR and ESC, with the sequence that it begins, are "
                    "taken out of what a command prints; leave them out here too"
                  : "";
}

} // namespace

const Json* Step::find(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &*found;
}

std::string Step::text(std::string_view key) const {
  const Json* const value = find(key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::string_view step_type_name(StepType type) {
  return step_type_keys()[static_cast<std::size_t>(type)].name;
}

std::optional<StepType> step_type_from(std::string_view name) {
  const std::span<const Key> types = step_type_keys();
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i].name == name) {
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
    return mistake.empty() ? removed_mistake(step) : format("shell: {}", mistake);
  }
  case StepType::tap:
    return !step.text("tap").empty() &&
                   k_comment_of_tap.find(step.text("tap")) != k_comment_of_tap.npos
               ? "tap: every comment in TAP has this text; name one that stands only at the end, "
                 "or "
                 "write tap = true"
               : "";
  case StepType::qmp:
    if (std::string mistake = qmp_mistake(step); !mistake.empty()) {
      return mistake;
    }
    [[fallthrough]];
  case StepType::hmp:
    return has("every") && !has("until") ? "every needs until" : removed_mistake(step);
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
           needs_a_value(step.find("save"));
  }
  default:
    return true;
  }
}

std::vector<std::string> step_words(const Step& step) {
  const std::string name(step_type_name(step.type));
  std::vector<std::string> words;
  append_options(step_type_keys()[static_cast<std::size_t>(step.type)], step.values.at(name),
                 words);
  for (const Key& key : step_modifier_keys()) {
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

std::optional<std::size_t> step_number(const std::vector<Step>& steps, std::string_view word) {
  if (const auto number = parse_integer(word)) {
    const bool is_one = *number >= 1 && static_cast<std::uint64_t>(*number) <= steps.size();
    return is_one ? std::optional(static_cast<std::size_t>(*number)) : std::nullopt;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!word.empty() && steps[i].text("mark") == word) {
      return i + 1;
    }
  }
  return std::nullopt;
}

std::vector<std::string> numbered_steps(const std::vector<Step>& steps) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    lines.push_back(format("  {:2}  {}", i + 1, describe_step(steps[i])));
  }
  return lines;
}

Error no_such_step(const std::string& message, const std::vector<std::string>& lines) {
  std::string text = format("{}: error: option --break: {}", program_name(), message);
  for (const std::string& line : lines) {
    text += "\n" + escape_for_display(line);
  }
  return Error(text, ExitCode::usage, Error::Form::report);
}

} // namespace qt
