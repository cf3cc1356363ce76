// Any bytes as a definition, with the file that it may include after the first 0xff: it is loaded,
// listed and turned into command lines that say what it says, or its mistakes are told with a place
// each. So the whole way of "qt-tap --check", "--list" and "--dry-run", as far as no host is asked.
#include "base/error.hh"
#include "base/text.hh"
#include "definition/definition.hh"
#include "os/file.hh"
#include "tap/listing.hh"
#include "tap/plan.hh"
#include "tap/tag.hh"

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace qt;

void need(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// No word of a command line may end early, and none may be lost.
void check_words(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    need(word.find('\0') == std::string::npos);
  }
}

void check_plan(const Subtest& subtest) {
  PlanInput input;
  input.programs = {"qt-fetch", "qt-extract", "qt-boot", "qt-expect"};
  input.run_dir = "/run";
  for (const std::string& variable : subtest.variables) {
    input.variables[variable] = "value of " + variable;
  }
  need(!subtest.phases.empty());
  for (const Phase& phase : subtest.phases) {
    input.emulators.emplace_back(phase.vms.size(), "qemu");
    for (const std::vector<Step>* steps : {&phase.prepare, &phase.steps, &phase.verify}) {
      for (const Step& step : *steps) {
        need(step_mistake(step).empty());
        check_words(step_words(step));
      }
    }
  }
  for (const PhasePlan& phase : plan_subtest(subtest, input)) {
    for (const std::vector<std::string>* words : {&phase.prepare, &phase.chain, &phase.verify}) {
      check_words(*words);
    }
  }
}

void check_listings(const Definition& definition) {
  const std::vector<Selected> selected = select_subtests(std::span(&definition, 1), {});
  (void)short_listing(selected);
  (void)long_listing(selected);
  (void)meson_listing(selected);
  for (const std::string& line : split(json_listing(selected), '\n')) {
    need(line.empty() || parse_json(line, "a listing").is_object());
  }
  for (const Selected& one : selected) {
    need(!tags_of(definition, *one.subtest).empty());
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TempDir folder("definition-fuzz");
  static const std::string path = folder.path() + "/board.toml";
  static const std::string other = folder.path() + "/i";
  const std::string text(data, data + size);
  const std::size_t cut = text.find('\xff'); // no TOML has it
  write_file(path, text.substr(0, cut));
  write_file(other, cut == std::string::npos ? "" : text.substr(cut + 1));
  try {
    const Definition definition = load_definition(path);
    for (const Subtest& subtest : definition.subtests) {
      check_plan(subtest);
    }
    check_listings(definition);
    for (const std::string& line : definition.warnings) {
      need(line.find(": warning: ") != std::string::npos);
    }
  } catch (const Error& error) {
    for (const std::string& line : split(error.what(), '\n')) {
      need(error.form() == Error::Form::report && line.find(": error: ") != std::string::npos);
    }
  }
  return 0;
}
