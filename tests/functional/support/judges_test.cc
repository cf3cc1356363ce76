// The programs that judge what QEMU's monitor or the host says, as steps of a dialogue: a fake
// monitor makes the mistakes that no QEMU makes. That they find nothing wrong show the definitions.
#include "base/error.hh"
#include "environment.hh"
#include "expect/dialogue.hh"
#include "fake_guest.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace qt {
namespace {

using support::FakeGuest;
using testing::HasSubstr;

// What is wrong by the program `words[0]` while `script` plays the monitor; empty if nothing.
std::string complaint(std::vector<std::string> words, FakeGuest::Script script) {
  FakeGuest guest(std::move(script));
  const support::ScopedVariable vms(k_vms_variable, format_vms({guest.channels()}).c_str());
  words[0] = format("{}/{}", ::getenv("QEMU_TEST_SUPPORT"), words[0]);
  Step step;
  step.type = StepType::run;
  step.values["run"] = words;
  Dialogue dialogue;
  dialogue.vms = {guest.channels()};
  dialogue.steps = {step};
  dialogue.defaults["timeout"] = "20s";
  const Verdict verdict = run_dialogue(dialogue).verdict;
  guest.finish();
  return verdict.cause == Cause::pass ? "" : verdict.message;
}

// The monitor answers with these, in turn.
template<typename... Replies>
FakeGuest::Script answering(const Replies&... replies) {
  std::vector<Json> list;
  (list.push_back(replies), ...);
  return [list](FakeGuest& guest) {
    for (const Json& reply : list) {
      guest.answer(guest.hear_command(), reply);
    }
  };
}

TEST(CpuModels, Aliases) {
  const auto judge = [](const Json& models) {
    return complaint({"cpu-models", "aliases"}, answering(models));
  };
  const Json versions = {{{"name", "A-v1"}}, {{"name", "A-v2"}}};
  const auto with = [&versions](const Json& model) {
    Json models = versions;
    models.push_back(model);
    return models;
  };
  EXPECT_EQ(judge(with({{"name", "A"}, {"alias-of", "A-v2"}})), "");
  EXPECT_EQ(judge(with({{"name", "A-IBRS"}, {"alias-of", "A-v2"}})), "");
  EXPECT_THAT(judge(with({{"name", "A"}})), HasSubstr("A has versions and stands for none"));
  EXPECT_THAT(judge(with({{"name", "B"}, {"alias-of", "A-v3"}})), HasSubstr("which is not there"));
  EXPECT_THAT(judge(with({{"name", "A-v1-x"}, {"alias-of", "A-v1-x"}})), HasSubstr("alias itself"));
  EXPECT_THAT(judge(with({{"name", "B"}, {"alias-of", "A-v1"}, {"static", true}})),
              HasSubstr("and static"));
  EXPECT_THAT(judge(versions), HasSubstr("no alias at all"));
  EXPECT_THAT(judge(Json::array()), HasSubstr("no CPU models"));
  EXPECT_THAT(
      judge({{{"name", "A"}, {"alias-of", "B-v1"}}, {{"name", "B-v1"}}, {{"name", "A-v1"}}}),
      HasSubstr("though there is A-v1"));
}

TEST(CpuModels, Expansions) {
  const auto judge = [](const Json& lacking, const char* expanded) {
    return complaint({"cpu-models", "expansions"},
                     answering(Json::array({{{"name", "A"}, {"unavailable-features", lacking}}}),
                               Json({{"model", {{"name", expanded}}}})));
  };
  EXPECT_EQ(judge({"avx"}, "A"), "");
  EXPECT_THAT(judge({"avx", ""}, "A"), HasSubstr("a feature without a name"));
  EXPECT_THAT(judge({"avx"}, "B"), HasSubstr("A expands to \"B\""));
}

TEST(VirtioPciDevice, IdsAndSameness) {
  const auto judge = [](const char* wanted, int device, int subsystem) {
    const Json bus = {
        {"devices",
         {{{"qdev_id", ""}},
          {{"qdev_id", "dev"},
           {"id", {{"vendor", 0x1af4}, {"device", device}, {"subsystem", subsystem}}}}}}};
    return complaint({"virtio-pci-device", "dev", wanted, "default"},
                     answering(Json::array({bus})));
  };
  EXPECT_EQ(judge("1041", 0x1041, 0x1100), "");
  EXPECT_EQ(judge("1000", 0x1000, 1), "");
  EXPECT_THAT(judge("1041", 0x1042, 0x1100), HasSubstr("asked 1af4:1041"));
  EXPECT_THAT(judge("1041", 0x1041, 0x3f), HasSubstr("too small"));
  EXPECT_THAT(complaint({"virtio-pci-device", "dev", "1041", "default"},
                        answering(Json::array({{{"devices", Json::array()}}}))),
              HasSubstr("exited 1"));
}

TEST(BalloonStats, UnsetAndTold) {
  static constexpr std::uint64_t k_unset = 0xffffffffffffffff;
  const auto stats = [](std::int64_t when, std::uint64_t swap) {
    return Json({{"last-update", when}, {"stats", {{"swap", swap}, {"huge", k_unset}}}});
  };
  const auto unset = [](const Json& reply) {
    return complaint({"balloon-stats", "/x", "unset"}, answering(reply));
  };
  EXPECT_EQ(unset(stats(0, k_unset)), "");
  EXPECT_THAT(unset(stats(0, 0)), HasSubstr("the guest has told something"));
  EXPECT_THAT(unset(stats(1, k_unset)), HasSubstr("the guest has told something"));

  const std::int64_t now = std::time(nullptr);
  const auto told = [now](const FakeGuest::Script& script, const char* name = "swap") {
    return complaint({"balloon-stats", "/x", "since", std::to_string(now - 1), name}, script);
  };
  EXPECT_EQ(told(answering(stats(0, k_unset), stats(now, 7))), "");
  EXPECT_THAT(told(answering(stats(now - 2, 7))), HasSubstr("the last update is not between"));
  EXPECT_THAT(told(answering(stats(now + 3600, 7))), HasSubstr("the last update is not between"));
  EXPECT_THAT(told(answering(stats(now, k_unset))), HasSubstr("told are"));
  EXPECT_THAT(told(answering(stats(now, 7)), "huge"), HasSubstr("told are swap"));
}

TEST(ProcessMemory, Conditions) {
  const TempDir folder("judges");
  const std::string pidfile = folder.path() + "/pid";
  write_file(pidfile, format("{}\n", ::getpid()));
  const auto judge = [&pidfile](const char* condition) {
    return complaint({"process-memory", pidfile, "VmRSS > 0", condition}, [](FakeGuest&) {});
  };
  EXPECT_EQ(judge("VmRSS <= 1.0 VmSize"), "");
  EXPECT_EQ(judge("VmSize >= 1 VmRSS"), "");
  EXPECT_THAT(judge("VmRSS < 1"), HasSubstr("VmRSS > 0, not VmRSS < 1"));
  EXPECT_THAT(judge("VmRSS >= 1.5 VmSize"), HasSubstr("not VmRSS >= 1.5 VmSize"));
  EXPECT_THAT(judge("VmNone > 1"), HasSubstr("exited 2"));
}

} // namespace
} // namespace qt
