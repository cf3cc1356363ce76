#include "tap/plan.hh"

#include "base/error.hh"
#include "base/substitute.hh"
#include "base/text.hh"
#include "ipc/run_dir.hh"
#include "qemu/machine.hh"
#include "schema/key_option.hh"
#include "schema/step.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <set>
#include <span>

namespace qt {

namespace {

// The checks of a phase that are run; `names`: only these; empty: all.
std::vector<NamedCheck> chosen_checks(const Phase& phase, const std::vector<std::string>& names) {
  std::vector<NamedCheck> checks = phase.checks;
  std::erase_if(checks, [&names](const NamedCheck& check) {
    return !names.empty() && std::find(names.begin(), names.end(), check.name) == names.end();
  });
  return checks;
}

// The steps of a phase's dialogue, as its programs count them.
std::vector<Step> dialogue_steps(const Phase& phase, const std::vector<std::string>& checks) {
  std::vector<Step> steps = phase.steps;
  for (const NamedCheck& check : chosen_checks(phase, checks)) {
    steps.insert(steps.end(), check.steps.begin(), check.steps.end());
  }
  return steps;
}

struct Place {
  std::size_t phase; // index
  std::size_t step;  // number
};

// Looks for the places of one subtest.
class Places {
public:
  Places(const Subtest& subtest, const std::vector<std::string>& checks)
    : m_subtest(subtest) {
    for (std::size_t i = 0; i < subtest.phases.size(); ++i) {
      if (!subtest.phases[i].vms.empty()) {
        m_steps.push_back({i, dialogue_steps(subtest.phases[i], checks)});
      }
    }
  }

  std::optional<Place> find(const std::string& word) const {
    const std::size_t colon = word.find(':');
    const auto phase = parse_integer(word.substr(0, std::min(colon, word.size())));
    for (const Steps& one : m_steps) {
      const bool is_named = colon != std::string::npos && phase &&
                            static_cast<std::uint64_t>(*phase) == one.phase + 1;
      // A number alone would be of any of several; a mark is of the first that sets it.
      const bool is_clear = m_steps.size() == 1 || !parse_integer(word);
      const auto number = is_named   ? step_number(one.steps, word.substr(colon + 1))
                          : is_clear ? step_number(one.steps, word)
                                     : std::nullopt;
      if (number) {
        return Place{one.phase, *number};
      }
    }
    return std::nullopt;
  }

  Error mistake(const std::string& word) const {
    std::vector<std::string> lines;
    for (const Steps& one : m_steps) {
      if (m_steps.size() > 1) {
        lines.push_back(format("phase {}:", one.phase + 1));
      }
      for (const std::string& line : numbered_steps(one.steps)) {
        lines.push_back(line);
      }
    }
    return no_such_step(m_steps.empty()
                            ? format("'{}' has no machine to look at", m_subtest.name)
                            : format("'{}' has no step '{}'; {}", m_subtest.name, word,
                                     m_steps.size() > 1 ? "say PHASE:STEP, of" : "the steps are"),
                        lines);
  }

private:
  struct Steps {
    std::size_t phase;
    std::vector<Step> steps;
  };

  const Subtest& m_subtest;
  std::vector<Steps> m_steps; // of the phases that have machines
};

using Words = std::vector<std::string>;

void append(Words& words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
}

Json substituted(const Json& value, const Lookup& lookup, Pass pass) {
  return with_texts_changed(
      value, [&](const std::string& text) { return substitute(text, lookup, pass); });
}

// Every name in the texts of a value.
std::set<std::string> placeholders_of(const Json& value) {
  const std::vector<std::string> names = placeholders(dump_json(value));
  return {names.begin(), names.end()};
}

// What the words of one phase are made with.
class PhaseWords {
public:
  PhaseWords(const PlanInput& input, const std::string& run_dir)
    : m_input(input)
    , m_run_dir(run_dir) {}

  // qt-boot with the options of a machine and its arguments; what follows is its program.
  // `inner`: the machine and those that are started by that program.
  Words machine(const Vm& vm, std::span<const Vm> inner, const std::string& emulator,
                const Json& whole) const {
    Words words = {m_input.programs.boot, "--run-dir", m_run_dir, "--qemu", emulator};
    if (vm.name != k_default_vm) {
      append(words, {"--name", vm.name});
    }
    if (m_input.on_fail != "end") {
      append(words, {"--on-fail", m_input.on_fail});
    }
    if (m_input.gdb_stub) {
      words.emplace_back("--gdbstub");
    }
    if (whole.contains("log-limit")) {
      append(words, {"--log-limit", whole["log-limit"].get<std::string>()});
    }
    const Lookup lookup = [this](std::string_view name) { return value_of(name); };
    for (const Key& key : vm_keys()) {
      const auto value = vm.values.find(key.name);
      if (value != vm.values.end() && key.name != "qemu" && key.name != "args") {
        const bool is_list = is_option_list(format("-{}", key.name), "");
        append_options(key, substituted(*value, is_list ? in_list(lookup) : lookup, Pass::last),
                       words);
      }
    }
    if (!m_input.confine.empty() && !vm.values.contains("confine")) {
      append(words, {"--confine", m_input.confine});
    }
    for (const std::string& fd : descriptors_of(inner)) {
      append(words, {"--fd", fd});
    }
    words.emplace_back("--");
    append(words, arguments(vm.values.value("args", Words())));
    return words;
  }

  // qt-expect with these steps, and these checks after them.
  Words dialogue(const Json& whole, const std::vector<Step>& steps,
                 const std::vector<NamedCheck>& checks = {}, const Words& breaks = {}) const {
    Words words = {m_input.programs.expect};
    for (const std::string& place : breaks) {
      append(words, {"--break", place});
    }
    append(words, timeout(whole));
    append(words, set_for(whole, steps, checks));
    if (m_input.strict_budgets) {
      words.emplace_back("--strict-budgets");
    }
    // qt-expect makes the last pass, with what steps have saved.
    const Lookup lookup = [this](std::string_view name) {
      const auto value = value_of(name);
      return value && is_plain(*value) ? value : std::nullopt;
    };
    for (const auto& [name, value] : whole.items()) {
      if (name != "timeout") {
        append_options(*find_key(dialogue_keys(), name), substituted(value, lookup, Pass::early),
                       words);
      }
    }
    append_steps(words, steps, lookup);
    for (const NamedCheck& check : checks) {
      append(words, {"--check", check.name});
      append_steps(words, check.steps, lookup);
    }
    return words;
  }

  // The shorter of the time that is left and that of the phase (`whole`).
  Words timeout(const Json& whole) const {
    std::optional<Duration> shorter = parse_duration(whole.value("timeout", ""));
    if (m_input.timeout && (!shorter || *m_input.timeout < *shorter)) {
      shorter = m_input.timeout;
    }
    return shorter ? Words{"--timeout", format_duration(*shorter)} : Words();
  }

private:
  static void append_steps(Words& words, const std::vector<Step>& steps, const Lookup& lookup) {
    for (Step step : steps) {
      if (const std::string command = step.text("hmp"); is_list_command(command)) {
        step.values["hmp"] = substitute(command, in_list(lookup), Pass::early);
      }
      step.values = substituted(step.values, lookup, Pass::early);
      append(words, step_words(step));
    }
  }

  // QEMU's own, with what steps before have saved.
  Words arguments(const Words& args) const {
    const Lookup lookup = [this](std::string_view name) {
      const std::optional<std::string> saved = saved_as(name);
      return saved ? saved : value_of(name);
    };
    Words words;
    for (std::size_t i = 0; i < args.size(); ++i) {
      const bool is_list = i > 0 && is_option_list(args[i - 1], args[i]);
      words.push_back(substitute(args[i], is_list ? in_list(lookup) : lookup, Pass::last));
    }
    return words;
  }

  // The same where QEMU reads a list: a comma in a path does not end it. What steps have saved, or
  // a definition says itself, may be a part of the list.
  static Lookup in_list(const Lookup& lookup) {
    return [&lookup](std::string_view name) {
      const std::optional<std::string> value = lookup(name);
      return value && is_path(name) ? doubled_commas(*value) : value;
    };
  }
  static bool is_path(std::string_view name) {
    constexpr std::array<std::string_view, 12> k_paths = {"asset", "file",  "plugin",   "support",
                                                          "data",  "build", "scratch",  "socket",
                                                          "log",   "qemu",  "qemu-img", "firmware"};
    return std::find(k_paths.begin(), k_paths.end(), name.substr(0, name.find('.'))) !=
           k_paths.end();
  }

  // Put in before the last pass, a "$" could become part of a name with what stands after it.
  static bool is_plain(const std::string& value) { return value.find('$') == std::string::npos; }

  // What is named in these and left to the last pass: values from the stages before, and those that
  // are not plain.
  Words set_for(const Json& whole, const std::vector<Step>& steps,
                const std::vector<NamedCheck>& checks) const {
    std::set<std::string> named = placeholders_of(whole);
    const auto add = [&named](const std::vector<Step>& list) {
      for (const Step& step : list) {
        named.merge(placeholders_of(step.values));
      }
    };
    add(steps);
    for (const NamedCheck& check : checks) {
      add(check.steps);
    }
    Words words;
    for (const std::string& name : named) {
      const std::optional<std::string> saved = saved_as(name);
      const std::optional<std::string> value = saved ? saved : value_of(name);
      if (value && (saved || !is_plain(*value))) {
        append(words, {"--set", name + "=" + *value});
      }
    }
    return words;
  }

  std::optional<std::string> saved_as(std::string_view name) const {
    const auto found = m_input.saved.find(std::string(name));
    if (found == m_input.saved.end()) {
      return std::nullopt;
    }
    if (found->second.find('\0') != std::string::npos) {
      throw Error(format("the value saved as '{}' has a NUL byte, which no argument can hold; "
                         "save less of it, or use it in the list of steps that saves it",
                         name));
    }
    return found->second;
  }

  // The descriptors that machines name.
  std::set<std::string> descriptors_of(std::span<const Vm> vms) const {
    std::set<std::string> fds;
    for (const Vm& vm : vms) {
      for (const std::string& name : placeholders_of(vm.values)) {
        const auto value = name.starts_with("fd.") ? value_of(name) : std::nullopt;
        if (value) {
          fds.insert(*value);
        }
      }
    }
    return fds;
  }

  std::optional<std::string> value_of(std::string_view name) const {
    if (name == "log") {
      return m_run_dir;
    }
    const auto found = m_input.variables.find(std::string(name));
    return found == m_input.variables.end() ? std::nullopt : std::optional(found->second);
  }

  const PlanInput& m_input;
  const std::string& m_run_dir;
};

} // namespace

std::vector<std::string> breaks_of_phase(const Subtest& subtest, std::size_t phase,
                                         const std::vector<std::string>& checks,
                                         const std::vector<std::string>& words) {
  std::vector<std::string> breaks;
  const Places places(subtest, checks);
  for (const std::string& word : words) {
    if (word == k_break_at_failure) {
      if (!subtest.phases[phase].vms.empty()) {
        breaks.push_back(word);
      }
      continue;
    }
    const std::optional<Place> place = places.find(word);
    if (!place) {
      throw places.mistake(word);
    }
    if (place->phase == phase) {
      breaks.push_back(std::to_string(place->step));
    }
  }
  return breaks;
}

PhasePlan plan_phase(const Subtest& subtest, std::size_t index, const PlanInput& input) {
  const Phase& phase = subtest.phases.at(index);
  assert(input.emulators.at(index).size() == phase.vms.size());
  PhasePlan plan;
  plan.run_dir =
      subtest.phases.size() == 1 ? input.run_dir : format("{}/phase{}", input.run_dir, index + 1);
  const PhaseWords words(input, plan.run_dir);
  Json of_all_stages = Json::object();
  if (phase.dialogue.contains("log-limit")) {
    of_all_stages["log-limit"] = phase.dialogue["log-limit"];
  }
  if (!phase.prepare.empty()) {
    plan.prepare = words.dialogue(of_all_stages, phase.prepare);
  }
  for (std::size_t i = 0; i < phase.vms.size(); ++i) {
    if (i > 0) {
      plan.chain.emplace_back("--");
    }
    append(plan.chain, words.machine(phase.vms[i], std::span(phase.vms).subspan(i),
                                     input.emulators[index][i], phase.dialogue));
  }
  const std::vector<NamedCheck> checks = chosen_checks(phase, input.checks);
  if (!phase.steps.empty() || !checks.empty() ||
      (!phase.vms.empty() && phase.dialogue.contains("fail"))) {
    if (!phase.vms.empty()) {
      plan.chain.emplace_back("--");
    }
    append(plan.chain, words.dialogue(phase.dialogue, phase.steps, checks,
                                      breaks_of_phase(subtest, index, input.checks, input.breaks)));
  } else if (!phase.vms.empty()) {
    // No dialogue to bound: the outermost machine gets the deadline.
    const Words timeout = words.timeout(phase.dialogue);
    plan.chain.insert(plan.chain.begin() + 1, timeout.begin(), timeout.end());
  }
  if (input.gdb && !phase.vms.empty()) {
    plan.chain.insert(plan.chain.begin() + 1, "--gdb");
  }
  if (!phase.verify.empty()) {
    plan.verify = words.dialogue(of_all_stages, phase.verify);
  }
  return plan;
}

std::vector<PhasePlan> plan_subtest(const Subtest& subtest, const PlanInput& input) {
  std::vector<PhasePlan> phases;
  for (std::size_t i = 0; i < subtest.phases.size(); ++i) {
    phases.push_back(plan_phase(subtest, i, input));
  }
  return phases;
}

} // namespace qt
