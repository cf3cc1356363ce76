#include "base/environment.hh"

#include "environment.hh"

#include <gtest/gtest.h>

namespace qt {
namespace environment_test {

using support::ScopedVariable;

TEST(Environment, NothingAndZeroAreNotSet) {
  struct Row {
    std::optional<std::string> value;
    bool on;
  };
  for (const Row& row : {Row{std::nullopt, false}, Row{"", false}, Row{"0", false}, Row{"1", true},
                         Row{"yes", true}, Row{"00", true}}) {
    const ScopedVariable variable("QEMU_TEST_SOME_SWITCH", row.value);
    EXPECT_EQ(env::flag("QEMU_TEST_SOME_SWITCH"), row.on) << row.value.value_or("(unset)");
    EXPECT_EQ(env::text("QEMU_TEST_SOME_SWITCH"), row.value.value_or(""));
  }
}

} // namespace environment_test
} // namespace qt
