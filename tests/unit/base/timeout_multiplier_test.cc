#include "base/timeout_multiplier.hh"

#include "base/error.hh"
#include "environment.hh"

#include <gtest/gtest.h>

namespace timeout_multiplier_test {

using namespace qt;
using namespace std::chrono_literals;
using support::ScopedVariable;

TEST(TimeoutMultiplier, IsOneWithoutTheVariable) {
  const ScopedVariable unset(k_timeout_multiplier_variable, std::nullopt);
  EXPECT_EQ(scaled(Duration(30s)), 30s);
  EXPECT_EQ(scaled_text(30s), "30s");
  const ScopedVariable empty(k_timeout_multiplier_variable, "");
  EXPECT_EQ(timeout_multiplier(), 1);
}

TEST(TimeoutMultiplier, MultipliesAndTakesBack) {
  const ScopedVariable slow(k_timeout_multiplier_variable, "2.5");
  EXPECT_EQ(scaled(Duration(2s)), 5s);
  EXPECT_EQ(unscaled(5s), 2s);
  EXPECT_EQ(scaled(std::optional<Duration>(1s)), 2500ms);
  EXPECT_EQ(scaled(std::optional<Duration>()), std::nullopt);
  EXPECT_EQ(scaled_text(2s), "5s (2s with QEMU_TEST_TIMEOUT_MULTIPLIER=2.5)");
}

TEST(TimeoutMultiplier, NeverMakesADeadlineZeroOrTooFar) {
  const ScopedVariable fast(k_timeout_multiplier_variable, "0.0001");
  EXPECT_EQ(scaled(Duration(1ms)), 1ms);
  EXPECT_EQ(scaled(Duration(0ms)), 0ms);
  const ScopedVariable huge(k_timeout_multiplier_variable, "99999999999999999999");
  EXPECT_FALSE(Deadline::after(scaled(Duration(24h))).expired());
}

TEST(TimeoutMultiplier, RefusesWhatIsNoFactor) {
  for (const char* wrong : {"0", "-1", "two", "2x", " 2", "nan", "inf", "1e3", "2,5"}) {
    const ScopedVariable variable(k_timeout_multiplier_variable, wrong);
    EXPECT_THROW(timeout_multiplier(), Error) << wrong;
    EXPECT_THROW(scaled(std::optional<Duration>()), Error) << "also where nothing is multiplied";
  }
}

} // namespace timeout_multiplier_test
