#include "tap/run_options.hh"

namespace qt {

namespace {

void apply_to(const RunOptions& options, Json& machine) {
  if (!options.confine.empty()) {
    machine["confine"] = options.confine;
  }
}

} // namespace

void apply_options(const RunOptions& options, Definition& definition) {
  for (Subtest& subtest : definition.subtests) {
    for (Phase& phase : subtest.phases) {
      for (Vm& vm : phase.vms) {
        apply_to(options, vm.values);
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
  add("--confine", options.confine);
  add("--output", options.output);
  add("--prepared", options.prepared);
  if (options.limit == RunOptions::Limit::of_the_run) {
    add("--timeout", options.timeout ? format_duration(*options.timeout) : "none");
  }
  if (options.strict_budgets) {
    words.emplace_back("--strict-budgets");
  }
  add("--on-fail", options.on_fail == "end" ? "" : options.on_fail);
  if (options.keep_scratch == KeepScratch::yes) {
    words.emplace_back("--keep-scratch");
  }
  return words;
}

} // namespace qt
