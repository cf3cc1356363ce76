#include "tap/dry_run.hh"

#include "base/error.hh"
#include "base/shell_words.hh"
#include "base/substitute.hh"
#include "definition/step_reader.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "tap/condition.hh"
#include "tap/selection.hh"
#include "tap/time_budget.hh"

#include <set>

namespace qt {

namespace {

std::string quoted(const std::vector<std::string>& words) { return shell_join(words) + "\n"; }

std::string one_line(std::string text) {
  for (char& letter : text) {
    letter = letter == '\n' ? ' ' : letter;
  }
  return text;
}

std::string preparation_text(const Preparation& step, const Lookup& lookup) {
  const std::string path = shell_quote(step.path);
  switch (step.kind) {
  case Preparation::Kind::text:
    return format("printf %s {} >{}\n", shell_quote(substitute(step.text, lookup, Pass::last)),
                  path);
  case Preparation::Kind::there:
    return step.command.empty() ? "" : format("test -e {} || {}", path, quoted(step.command));
  case Preparation::Kind::shared:
    return format("rm -rf {}\n{}", path, quoted(step.command));
  default:
    return quoted(step.command);
  }
}

// The command lines of a phase. What a stage saves for those after it is not known: it stands
// there as its name.
std::string phase_text(const Subtest& subtest, std::size_t index, PlanInput& input) {
  const Phase& phase = subtest.phases[index];
  const std::pair<std::vector<std::string> PhasePlan::*, const std::vector<Step>*> stages[] = {
      {&PhasePlan::prepare, &phase.prepare},
      {&PhasePlan::chain, &phase.steps},
      {&PhasePlan::verify, &phase.verify}};
  const std::vector<NamedCheck> no_checks;
  const auto note_saved = [&input](const Step& step) {
    for (const std::string& name : saved_names(step)) {
      input.saved[name] = "${" + name + "}";
    }
  };
  std::string text;
  for (const auto& [part, steps] : stages) {
    const PhasePlan plan = plan_phase(subtest, index, input);
    const std::string words = shell_join(plan.*part);
    for (const auto& [name, placeholder] : input.saved) {
      if (words.find(placeholder) != std::string::npos) {
        text += format("# {} is what a step above saves\n", placeholder);
      }
    }
    if (!words.empty()) {
      text += format("{}={} {}= {} </dev/null\n", k_run_dir_variable, shell_quote(plan.run_dir),
                     k_vms_variable, words);
    }
    for (const Step& step : *steps) {
      note_saved(step);
    }
    for (const NamedCheck& check : part == &PhasePlan::chain ? phase.checks : no_checks) {
      for (const Step& step : check.steps) {
        note_saved(step);
      }
    }
  }
  return text;
}

std::string unmet_by_emulators(const Subtest& subtest, const Scene& scene) {
  for (const std::vector<Emulator>& emulators : scene.emulators) {
    for (const Emulator& emulator : emulators) {
      if (emulator.program.empty()) {
        return ""; // which is what is missing in the scene
      }
    }
  }
  try {
    return SceneProbe(subtest, scene).unmet();
  } catch (const Error&) {
    return ""; // the run says what is wrong with it; the commands are of use all the same
  }
}

} // namespace

std::string dry_run_text(const Definition& definition, const Subtest& subtest,
                         const RunSettings& settings) {
  Reservation reservation;
  Scene scene = set_scene(definition, subtest, settings, run_dir_of(definition, subtest, settings),
                          reservation);
  if (scene.values.values.contains("socket")) {
    scene.values.values["socket"] = scene.scratch; // a shorter name lasts as long as qt-tap
  }
  const Lookup lookup = [&scene](std::string_view name) -> std::optional<std::string> {
    const auto value = scene.values.values.find(std::string(name));
    if (value == scene.values.values.end()) {
      return name == "log" ? std::optional(scene.run_dir) : std::nullopt;
    }
    return value->second;
  };
  std::string text = format("# {}\n", one_line(full_name(definition, subtest)));
  // The run tells the first of them.
  for (const std::string& reason : {unmet_on_host(requirements_of(definition, subtest, settings)),
                                    scene.missing, unmet_by_emulators(subtest, scene)}) {
    text += reason.empty() ? "" : format("# skipped here: {}\n", one_line(reason));
  }
  if (!reservation.descriptors().empty()) {
    text += "# needs descriptors that are open only when qt-tap runs it\n";
  }
  PlanInput input = scene.plan_input(settings);
  const bool has_files_limit = settings.limit == RunOptions::Limit::of_each_file;
  input.timeout =
      whole_dialogue_time(has_files_limit ? definition.timeout : settings.timeout, subtest.timeout);
  const std::vector<PhasePlan> phases = plan_subtest(subtest, input);
  std::set<std::string> folders = {scene.scratch};
  for (const PhasePlan& phase : phases) {
    folders.insert(phase.run_dir);
  }
  for (const Preparation& step : scene.preparation.steps) {
    if (step.kind == Preparation::Kind::shared || step.kind == Preparation::Kind::there) {
      const bool is_asset = step.source.empty() && step.kind == Preparation::Kind::there;
      folders.insert(is_asset ? scene.scratch : parent_of(step.path));
    }
  }
  std::vector<std::string> mkdir = {"mkdir", "-p"};
  mkdir.insert(mkdir.end(), folders.begin(), folders.end());
  text += quoted({"rm", "-rf", scene.scratch}) + quoted(mkdir);
  for (const Preparation& step : scene.preparation.steps) {
    text += preparation_text(step, lookup);
  }
  for (std::size_t i = 0; i < subtest.phases.size(); ++i) {
    text += phase_text(subtest, i, input);
  }
  return text + (settings.keeps_scratch() ? "" : quoted({"rm", "-rf", scene.scratch}));
}

} // namespace qt
