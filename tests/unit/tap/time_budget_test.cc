#include "tap/time_budget.hh"

#include "environment.hh"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace qt {
namespace time_budget_test {

using support::ScopedVariable;
using namespace std::chrono_literals;

constexpr const char* k_variable = "QEMU_TEST_TIMEOUT_MULTIPLIER";

TEST(TimeBudget, RunsWhileAnySubtestDoes) {
  const ScopedVariable none(k_variable, std::nullopt);
  TimeBudget budget(10ms);
  ::usleep(11'000);
  EXPECT_FALSE(budget.is_used_up()) << "nobody runs";
  budget.begin();
  budget.begin();
  budget.end();
  ::usleep(11'000);
  EXPECT_TRUE(budget.is_used_up());
  budget.end();
  EXPECT_TRUE(budget.is_used_up());
  TimeBudget endless(std::nullopt);
  endless.begin();
  endless.end();
  EXPECT_FALSE(endless.is_used_up());
}

TEST(TimeBudget, GivesBackWhatDoesNotCount) {
  const ScopedVariable none(k_variable, std::nullopt);
  TimeBudget budget(10ms);
  {
    SubtestTime time(budget, std::nullopt);
    ::usleep(11'000);
    EXPECT_TRUE(budget.is_used_up());
    EXPECT_TRUE(time.deadline().expired());
    time.give_back(1h);
    EXPECT_FALSE(time.deadline().expired());
  }
  EXPECT_FALSE(budget.is_used_up());
  TimeBudget endless(std::nullopt);
  endless.give_back(1h);
  EXPECT_FALSE(endless.left().has_value());
}

TEST(TimeBudget, IsNotSharedOutAmongThoseAtTheSameTime) {
  const ScopedVariable none(k_variable, std::nullopt);
  TimeBudget budget(1h);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> lanes;
  for (int i = 0; i < 4; ++i) {
    lanes.emplace_back([&budget, &wrong] {
      for (int j = 0; j < 500; ++j) {
        const SubtestTime time(budget, std::nullopt);
        wrong += time.deadline().remaining() > 1h || time.for_dialogue() < 50min ? 1 : 0;
      }
    });
  }
  for (std::thread& lane : lanes) {
    lane.join();
  }
  EXPECT_EQ(wrong, 0);
}

TEST(TimeBudget, ADialogueLeavesTimeForEvidence) {
  const ScopedVariable none(k_variable, std::nullopt);
  TimeBudget budget(85s);
  const SubtestTime time(budget, std::nullopt);
  EXPECT_LE(time.for_dialogue().value(), 82s);
  EXPECT_GT(time.for_dialogue().value(), 60s);
  EXPECT_GT(time.deadline().remaining(), 63s);
}

TEST(TimeBudget, ASubtestHasItsOwnTimeOnlyWithinTheWhole) {
  const ScopedVariable none(k_variable, std::nullopt);
  TimeBudget endless(std::nullopt);
  const SubtestTime own(endless, 90s);
  EXPECT_EQ(own.for_dialogue(), 90s) << "as it is named";
  EXPECT_GT(own.deadline().remaining(), 90s);
  TimeBudget hour(1h);
  EXPECT_EQ(SubtestTime(hour, 90s).for_dialogue(), 90s);
  TimeBudget less(50s);
  EXPECT_LE(SubtestTime(less, 90s).for_dialogue().value(), 47s);
  EXPECT_LE(SubtestTime(less, 90s).deadline().remaining(), 50s);
  const SubtestTime without(endless, std::nullopt);
  EXPECT_TRUE(without.deadline().is_never());
  EXPECT_EQ(without.for_dialogue(), std::nullopt);
}

// The next program of the chain multiplies what it is told.
TEST(TimeBudget, IsMultipliedOnce) {
  const ScopedVariable slow(k_variable, "3");
  TimeBudget budget(100s);
  EXPECT_EQ(budget.left(), 300s);
  const SubtestTime whole(budget, std::nullopt);
  EXPECT_LE(whole.for_dialogue().value(), 99s);
  EXPECT_GT(whole.for_dialogue().value(), 80s);
  EXPECT_GT(whole.deadline().remaining(), 240s);
  const SubtestTime own(budget, 20s);
  EXPECT_EQ(own.for_dialogue(), 20s);
  EXPECT_GT(own.deadline().remaining(), 60s);
  EXPECT_LE(own.deadline().remaining(), 70s);
}

} // namespace time_budget_test
} // namespace qt
