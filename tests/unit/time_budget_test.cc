#include "time_budget.hh"

#include "environment.hh"

#include <gtest/gtest.h>

namespace qt {
namespace {

using support::ScopedVariable;
using namespace std::chrono_literals;

constexpr const char* k_variable = "QEMU_TEST_TIMEOUT_MULTIPLIER";

TEST(TimeBudget, IsUsedUp) {
  const ScopedVariable none(k_variable, std::nullopt);
  TimeBudget budget(2s);
  budget.use(1500ms);
  EXPECT_FALSE(budget.is_used_up());
  budget.use(500ms);
  EXPECT_TRUE(budget.is_used_up());
  TimeBudget endless(std::nullopt);
  endless.use(24h);
  EXPECT_FALSE(endless.is_used_up());
}

TEST(TimeBudget, ADialogueLeavesTimeForEvidence) {
  const ScopedVariable none(k_variable, std::nullopt);
  const SubtestTime time(TimeBudget(85s), std::nullopt);
  EXPECT_LE(time.for_dialogue().value(), 82s);
  EXPECT_GT(time.for_dialogue().value(), 60s);
  EXPECT_GT(time.deadline().remaining(), 63s);
}

TEST(TimeBudget, ASubtestHasItsOwnTimeOnlyWithinTheWhole) {
  const ScopedVariable none(k_variable, std::nullopt);
  const SubtestTime own(TimeBudget(std::nullopt), 90s);
  EXPECT_EQ(own.for_dialogue(), 90s) << "as it is named";
  EXPECT_GT(own.deadline().remaining(), 90s);
  EXPECT_EQ(SubtestTime(TimeBudget(1h), 90s).for_dialogue(), 90s);
  EXPECT_LE(SubtestTime(TimeBudget(50s), 90s).for_dialogue().value(), 47s);
  EXPECT_LE(SubtestTime(TimeBudget(50s), 90s).deadline().remaining(), 50s);
  const SubtestTime endless(TimeBudget(std::nullopt), std::nullopt);
  EXPECT_TRUE(endless.deadline().is_never());
  EXPECT_EQ(endless.for_dialogue(), std::nullopt);
}

// The next program of the chain multiplies what it is told.
TEST(TimeBudget, IsMultipliedOnce) {
  const ScopedVariable slow(k_variable, "3");
  const TimeBudget budget(100s);
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

} // namespace
} // namespace qt
