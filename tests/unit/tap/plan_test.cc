#include "tap/plan.hh"

#include "base/error.hh"
#include "base/shell_words.hh"
#include "expect/step_run.hh"
#include "schema/key_option.hh"
#include "schema/tables.hh"

#include <bit>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace plan_test {

using testing::ElementsAre;
using testing::IsEmpty;

Step step(StepType type, Json values) {
  Step result;
  result.type = type;
  result.values = std::move(values);
  return result;
}

Vm vm(std::string name, Json values) { return Vm{std::move(name), std::move(values)}; }

PlanInput input() {
  PlanInput result;
  result.programs = {"qt-boot", "qt-expect", "qt-fetch", "qt-extract"};
  result.run_dir = "/out/t";
  result.emulators = {{"/bin/qemu-system-ppc"}};
  result.variables = {{"file.bios", "/files/b ios"}, {"scratch", "/out/t/scratch"}};
  return result;
}

Subtest subtest_with(Phase phase) {
  Subtest subtest;
  subtest.name = "t";
  subtest.phases = {std::move(phase)};
  return subtest;
}

TEST(Plan, OneMachineAndItsDialogue) {
  Phase phase;
  phase.vms = {vm("default", {{"machine", "canon-a1100"}, {"args", {"-bios", "${file.bios}"}}})};
  phase.steps = {step(StepType::wait, {{"wait", "running"}})};
  const PhasePlan plan = plan_phase(subtest_with(phase), 0, input());
  EXPECT_EQ(shell_join(plan.chain),
            "qt-boot --run-dir /out/t --qemu /bin/qemu-system-ppc --machine canon-a1100 -- -bios "
            "'/files/b ios' -- qt-expect --wait running");
  EXPECT_THAT(plan.prepare, IsEmpty());
  EXPECT_THAT(plan.verify, IsEmpty());
  EXPECT_EQ(plan.run_dir, "/out/t");
}

TEST(Plan, EveryMachineKeyIsAnOption) {
  Phase phase;
  phase.vms = {vm("default", {{"machine", "virt"},
                              {"cpu", "max"},
                              {"accel", "tcg"},
                              {"console", 1},
                              {"qmp", false},
                              {"exit", "any"},
                              {"output", {{{"contains", "phys-bits"}}, {{"lacks", "panic"}}}},
                              {"skip-if-output", {"no such"}},
                              {"service", {{"swtpm", "--dir", "${scratch}"}}},
                              {"qemu", "never used"}})};
  const PhasePlan plan = plan_phase(subtest_with(phase), 0, input());
  EXPECT_EQ(shell_join(plan.chain),
            "qt-boot --run-dir /out/t --qemu /bin/qemu-system-ppc --machine virt --cpu max --accel "
            "tcg --console 1 --qmp false --exit any --output phys-bits --output-lacks panic "
            "--skip-if-output 'no such' --service 'swtpm --dir /out/t/scratch' --");
}

TEST(Plan, SeveralMachinesNest) {
  Phase phase;
  phase.vms = {vm("a", {{"machine", "virt"}}), vm("b", {{"args", {"-S"}}})};
  phase.steps = {step(StepType::hmp, {{"hmp", "info version"}, {"vm", "b"}})};
  PlanInput two = input();
  two.emulators = {{"qa", "qb"}};
  const PhasePlan plan = plan_phase(subtest_with(phase), 0, two);
  EXPECT_EQ(shell_join(plan.chain),
            "qt-boot --run-dir /out/t --qemu qa --name a --machine virt -- -- qt-boot --run-dir "
            "/out/t --qemu qb --name b -- -S -- qt-expect --hmp 'info version' --vm b");
}

TEST(Plan, AMachineInheritsItsDescriptorsAndThoseOfTheMachinesInside) {
  Phase phase;
  phase.vms = {vm("a", {{"args", {"-x", "${fd.link.a}"}}}),
               vm("b", {{"args", {"-y", "${fd.link.b}"}}})};
  PlanInput two = input();
  two.emulators = {{"qa", "qb"}};
  two.variables["fd.link.a"] = "7";
  two.variables["fd.link.b"] = "8";
  EXPECT_EQ(shell_join(plan_phase(subtest_with(phase), 0, two).chain),
            "qt-boot --run-dir /out/t --qemu qa --name a --fd 7 --fd 8 -- -x 7 -- qt-boot "
            "--run-dir /out/t --qemu qb --name b --fd 8 -- -y 8");
}

TEST(Plan, WhatStepsSaveIsLeftForTheDialogue) {
  PlanInput odd = input();
  odd.variables["file.bios"] = "/has/${brace}";
  Phase phase;
  phase.vms = {vm("default", {{"args", {"${file.bios}", "$${HOME}"}}})};
  phase.dialogue["fail"] = {{{"text", "${file.bios}"}}, {{"regex", "pan+ic"}}};
  phase.steps = {
      step(StepType::line, {{"line", "echo ${saved} ${file.bios} $${HOME}"}}),
      step(StepType::qmp, {{"qmp", "x"}, {"arguments", {{"file", "${scratch}/f"}, {"n", 5}}}})};
  const PhasePlan plan = plan_phase(subtest_with(phase), 0, odd);
  EXPECT_THAT(plan.chain,
              ElementsAre("qt-boot", "--run-dir", "/out/t", "--qemu", "/bin/qemu-system-ppc", "--",
                          "/has/${brace}", "${HOME}", "--", "qt-expect", "--set",
                          "file.bios=/has/${brace}", "--fail", "${file.bios}", "--fail-regex",
                          "pan+ic", "--line", "echo ${saved} ${file.bios} $${HOME}", "--qmp", "x",
                          "--arguments", R"({"file":"/out/t/scratch/f","n":5})"));
}

// A value of this type with `text` in every string that may hold a name; null if none may.
Json value_with(Type type, const std::string& text) {
  switch (type) {
  case Type::text:
  case Type::regex:
  case Type::bytes:
    return text;
  case Type::texts:
    return {text, "x"};
  case Type::argv:
    return {"sh", text};
  case Type::argvs:
    return {{"sh", text}, {"b"}};
  case Type::patterns:
    return {{{"text", text}}, {{"regex", text}}};
  case Type::checks:
    return {{{"contains", text}}, {{"lacks", text}}};
  case Type::json:
  case Type::table:
    return {{"a", {text, 1}}};
  default:
    return {};
  }
}

// What the program that gets these words takes for the value of `key`, after the last pass.
Json as_taken(const std::vector<std::string>& words, std::size_t from, const Key& key) {
  Json table = Json::object();
  SavedValues given;
  for (std::size_t i = from; i < words.size() && words[i] != "--"; ++i) {
    std::string option = words[i].substr(0, words[i].find('='));
    const std::string text =
        option == words[i] ? words.at(++i) : words[i].substr(option.size() + 1);
    option.erase(0, 2);
    if (option == "set") {
      given.keep(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
    } else if (option == key.name || option.starts_with(std::string(key.name) + "-")) {
      set_from_option(key, option, text, table);
    }
  }
  const bool is_dialogue = words.at(from - 1) == "qt-expect";
  return is_dialogue ? given.put_into_all(table[std::string(key.name)])
                     : table[std::string(key.name)];
}

// The words for a phase that has this value under this key.
std::vector<std::string> words_with(const Key& key, const Json& value, const PlanInput& given) {
  const std::string name(key.name);
  Phase phase;
  phase.vms = {vm("default", Json::object())};
  if (key.steps == 0) {
    (name == "fail" ? phase.dialogue : phase.vms[0].values)[name] = value;
  } else {
    const auto type = static_cast<StepType>(std::countr_zero(key.steps));
    const std::string type_name(step_type_name(type));
    const Key& type_key = *find_key(step_type_keys(), type_name);
    Json filler = value_with(type_key.type, "x");
    filler = type_key.type == Type::flag ? Json(true) : filler.is_null() ? Json("1s") : filler;
    phase.steps = {step(type, {{type_name, filler}})};
    phase.steps[0].values[name] = value;
  }
  return plan_phase(subtest_with(phase), 0, given).chain;
}

TEST(Plan, AValueIsExactWhateverItHoldsAndWhereverItStands) {
  std::vector<Key> keys = {*find_key(dialogue_keys(), "fail")};
  for (const auto table : {vm_keys(), step_type_keys(), step_modifier_keys()}) {
    keys.insert(keys.end(), table.begin(), table.end());
  }
  std::size_t tried = 0;
  for (const std::string value : {"${scratch}", "$${x}", "$", "a$$", "$x", "\"q'`\\", "1\n2\r\n\t",
                                  "${", "-dash", " a b ", "=", "\xc3\xa9"}) {
    PlanInput odd = input();
    odd.variables["v"] = value;
    odd.saved["s"] = "saved" + value;
    for (const Key& key : keys) {
      // What is saved is unknown to machines, "args" aside, and to the failure texts.
      const bool knows_saved = key.steps != 0;
      const Json stands =
          value_with(key.type, knows_saved ? "${v}{x}${s}$${v}${v}" : "${v}{x}$${v}");
      const Json meant = value_with(
          key.type, knows_saved ? value + "{x}saved" + value + "${v}" + value : value + "{x}${v}");
      const bool is_choice = key.name == "ready" || key.name == "confine";
      if (stands.is_null() || is_choice || key.name == "qemu" || key.name == "args") {
        continue;
      }
      const std::vector<std::string> words = words_with(key, stands, odd);
      const auto dialogue = std::find(words.begin(), words.end(), "qt-expect");
      const bool is_machines = key.steps == 0 && key.name != "fail";
      const auto from = is_machines ? 1 : dialogue - words.begin() + 1;
      EXPECT_EQ(as_taken(words, static_cast<std::size_t>(from), key), meant)
          << key.name << ": " << value;
      ++tried;
    }
  }
  EXPECT_GT(tried, 300U);
}

TEST(Plan, HostStepsBeforeAndAfter) {
  Phase phase;
  phase.prepare = {step(StepType::run, {{"run", {"truncate", "-s", "1M", "${scratch}/f"}}})};
  phase.vms = {vm("default", {{"exit", 0}})};
  phase.verify = {step(StepType::file, {{"file", "${log}/console.log"}, {"matches", "x"}})};
  const PhasePlan plan = plan_phase(subtest_with(phase), 0, input());
  EXPECT_EQ(shell_join(plan.prepare), "qt-expect --run 'truncate -s 1M /out/t/scratch/f'");
  EXPECT_EQ(shell_join(plan.verify), "qt-expect --file /out/t/console.log --matches x");
}

TEST(Plan, PhasesHaveFoldersOfTheirOwnAndShareScratch) {
  Phase record;
  record.vms = {vm("default", {{"args", {"-D", "${log}/trace", "${scratch}/replay"}}})};
  record.steps = {step(StepType::quit, {{"quit", true}})};
  Subtest subtest = subtest_with(record);
  subtest.phases.push_back(record);
  PlanInput two = input();
  two.emulators.push_back({"q2"});
  const std::vector<PhasePlan> plans = plan_subtest(subtest, two);
  ASSERT_EQ(plans.size(), 2U);
  EXPECT_EQ(plans[1].run_dir, "/out/t/phase2");
  EXPECT_EQ(shell_join(plans[1].chain),
            "qt-boot --run-dir /out/t/phase2 --qemu q2 -- -D /out/t/phase2/trace "
            "/out/t/scratch/replay -- qt-expect --quit");
}

TEST(Plan, TheDeadlineIsTheDialogues) {
  Phase phase;
  phase.vms = {vm("default", {{"exit", 0}})};
  PlanInput bounded = input();
  bounded.timeout = Duration(1500);
  EXPECT_EQ(shell_join(plan_phase(subtest_with(phase), 0, bounded).chain),
            "qt-boot --timeout 1500ms --run-dir /out/t --qemu /bin/qemu-system-ppc --exit 0 --");
  phase.steps = {step(StepType::wait, {{"wait", "x"}})};
  EXPECT_EQ(shell_join(plan_phase(subtest_with(phase), 0, bounded).chain),
            "qt-boot --run-dir /out/t --qemu /bin/qemu-system-ppc --exit 0 -- -- qt-expect "
            "--timeout 1500ms --wait x");
}

TEST(Plan, AShorterDeadlineOfThePhaseIsTaken) {
  Phase phase;
  phase.vms = {vm("default", Json::object())};
  phase.dialogue = {{"timeout", "1s"}, {"idle-timeout", "500ms"}};
  phase.steps = {step(StepType::wait, {{"wait", "x"}})};
  const auto dialogue = [&phase](std::optional<Duration> left) {
    PlanInput bounded = input();
    bounded.timeout = left;
    const std::string words = shell_join(plan_phase(subtest_with(phase), 0, bounded).chain);
    return words.substr(words.find("qt-expect"));
  };
  EXPECT_EQ(dialogue(std::nullopt), "qt-expect --timeout 1s --idle-timeout 500ms --wait x");
  EXPECT_EQ(dialogue(Duration(1500)), "qt-expect --timeout 1s --idle-timeout 500ms --wait x");
  EXPECT_EQ(dialogue(Duration(900)), "qt-expect --timeout 900ms --idle-timeout 500ms --wait x");
  phase.steps.clear();
  EXPECT_EQ(shell_join(plan_phase(subtest_with(phase), 0, input()).chain),
            "qt-boot --timeout 1s --run-dir /out/t --qemu /bin/qemu-system-ppc --");
}

TEST(Plan, WhatEarlierStagesHaveSavedIsHandedOn) {
  Phase phase;
  phase.vms = {vm("default", {{"args", {"-m", "${size}"}}})};
  phase.steps = {step(StepType::wait, {{"wait", "${word} $${size}"}})};
  phase.verify = {step(StepType::run, {{"run", {"test", "${size}"}}})};
  PlanInput known = input();
  known.saved = {{"size", "64"}, {"word", "a=${b}"}, {"unused", "x"}};
  known.strict_budgets = true;
  const PhasePlan plan = plan_phase(subtest_with(phase), 0, known);
  EXPECT_EQ(shell_join(plan.chain),
            "qt-boot --run-dir /out/t --qemu /bin/qemu-system-ppc -- -m 64 -- qt-expect "
            "--set 'word=a=${b}' --strict-budgets --wait '${word} $${size}'");
  EXPECT_THAT(shell_join(plan.verify),
              testing::StartsWith("qt-expect --set size=64 --strict-budgets --run "));
  known.saved["size"] = std::string("6\0", 2);
  EXPECT_THROW(plan_phase(subtest_with(phase), 0, known), Error);
}

TEST(Plan, WithoutMachinesThereIsJustTheDialogue) {
  Phase phase;
  phase.steps = {step(StepType::run, {{"run", {"${qemu-img}", "--version"}}})};
  PlanInput none = input();
  none.emulators = {{}};
  none.variables["qemu-img"] = "/bin/qemu-img";
  EXPECT_EQ(shell_join(plan_phase(subtest_with(phase), 0, none).chain),
            "qt-expect --run '/bin/qemu-img --version'");
}

} // namespace plan_test
} // namespace qt
