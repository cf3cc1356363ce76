#include "plan.hh"

#include "error.hh"
#include "shell_words.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace {

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
                              {"output", {{"contains", "phys-bits"}, {"lacks", "panic"}}},
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
                          "/has/${brace}", "${HOME}", "--", "qt-expect", "--fail", "/has/$${brace}",
                          "--fail-regex", "pan+ic", "--line",
                          "echo ${saved} /has/$${brace} $${HOME}", "--qmp", "x", "--arguments",
                          R"({"file":"/out/t/scratch/f","n":5})"));
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

} // namespace
} // namespace qt
