#include "tap/run_options.hh"

#include "base/error.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "definition/variables.hh"
#include "schema/argument_check.hh"

#include <algorithm>
#include <cstddef>

namespace qt {

namespace {

using Words = std::vector<std::string>;

// Takes an option of QEMU's with its value out of arguments.
void take_out(const std::string& option, Words& arguments) {
  for (std::size_t i = 0; i + 1 < arguments.size();) {
    const std::string_view word = arguments[i];
    if (word.starts_with('-') && word.substr(word.starts_with("--") ? 2 : 1) == option) {
      const auto at = arguments.begin() + static_cast<std::ptrdiff_t>(i);
      arguments.erase(at, at + 2);
    } else {
      ++i;
    }
  }
}

// "virt,accel=kvm,gic-version=3" without the accelerator: QEMU takes it in one place only.
std::string without_accelerator(const std::string& machine) {
  Words parts = split(machine, ',');
  parts.erase(std::remove_if(parts.begin(), parts.end(),
                             [](const std::string& part) { return part.starts_with("accel="); }),
              parts.end());
  return join(parts, ",");
}

// The key and the arguments that say it.
void replace(const std::string& key, const std::string& value, Json& machine) {
  if (value.empty()) {
    return;
  }
  machine[key] = value;
  if (machine.contains("args")) {
    Words arguments = machine["args"].get<Words>();
    take_out(key, arguments);
    machine["args"] = arguments;
  }
}

// The tracer of a run starts what starts the emulator of the test.
Words wrapper_words(const RunOptions& options) {
  const std::optional<Words> words = split_words(options.wrapper);
  if (!words || (words->empty() && !options.wrapper.empty())) {
    throw Error("option --wrapper: expected a command line with balanced quotes", ExitCode::usage);
  }
  return *words;
}

void apply_to_machine(const RunOptions& options, Json& machine) {
  if (!options.confine.empty()) {
    machine["confine"] = options.confine;
  }
  replace("cpu", options.cpu, machine);
  replace("accel", options.accel, machine);
  if (!options.accel.empty() && machine.contains("machine")) {
    machine["machine"] = without_accelerator(machine["machine"].get<std::string>());
  }
  if (Words wrapper = wrapper_words(options); !wrapper.empty()) {
    const Words own = machine.value("wrapper", Words());
    wrapper.insert(wrapper.end(), own.begin(), own.end());
    machine["wrapper"] = wrapper;
  }
  for (const std::string& word : options.arguments) {
    machine["args"].push_back(word);
  }
}

// What the words name has a value in every subtest of the definition.
void know_names(const Words& words, std::string_view place, const Definition& definition,
                Subtest& subtest) {
  for (const std::string& name : names_used(words, place, {definition.assets, definition.files})) {
    if (std::find(subtest.variables.begin(), subtest.variables.end(), name) ==
        subtest.variables.end()) {
      subtest.variables.push_back(name);
    }
  }
}

// Nothing is too late while somebody looks at the machine with gdb.
void take_out_deadlines(Subtest& subtest) {
  subtest.timeout.reset();
  for (Phase& phase : subtest.phases) {
    phase.dialogue.erase("timeout");
    phase.dialogue.erase("idle-timeout");
    for (std::vector<Step>* const steps : {&phase.prepare, &phase.steps, &phase.verify}) {
      for (Step& step : *steps) {
        step.values.erase("timeout");
        if (step.type != StepType::interrupt && step.find("until") != nullptr) {
          step.values["timeout"] = "1000d"; // by itself it ends after 30 s
        }
        step.values.erase("budget");
      }
    }
  }
}

} // namespace

void apply_options(const RunOptions& options, Definition& definition) {
  if (const std::string mistake = argument_mistake(options.arguments); !mistake.empty()) {
    throw Error(mistake, ExitCode::usage);
  }
  for (Subtest& subtest : definition.subtests) {
    try {
      know_names(options.arguments, "after '--'", definition, subtest);
      know_names({options.wrapper}, "option --wrapper", definition, subtest);
    } catch (const Error& error) {
      throw error.within(definition.path);
    }
    if (is_debugged(options)) {
      take_out_deadlines(subtest);
    }
    for (Phase& phase : subtest.phases) {
      for (Vm& vm : phase.vms) {
        apply_to_machine(options, vm.values);
      }
    }
  }
}

std::vector<std::string> option_words(const RunOptions& options) {
  std::vector<std::string> words;
  const auto add = [&words](const char* option, const std::string& value) {
    if (!value.empty()) {
      words.insert(words.end(), {option, value});
    }
  };
  add("--qemu", options.qemu);
  add("--wrapper", options.wrapper);
  add("--confine", options.confine);
  add("--accel", options.accel);
  add("--cpu", options.cpu);
  add("--output", options.output);
  add("--prepared", options.prepared);
  if (options.limit == RunOptions::Limit::of_the_run) {
    add("--timeout", options.timeout ? format_duration(*options.timeout) : "none");
  }
  if (options.strict_budgets) {
    words.emplace_back("--strict-budgets");
  }
  for (const std::string& place : options.breaks) {
    add("--break", place);
  }
  if (options.gdb) {
    words.emplace_back("--gdb");
  }
  if (options.gdb_stub) {
    words.emplace_back("--gdbstub");
  }
  add("--on-fail", options.on_fail == "end" ? "" : options.on_fail);
  if (options.keep_scratch == KeepScratch::yes) {
    words.emplace_back("--keep-scratch");
  }
  return words;
}

} // namespace qt
