#include "base/spelling.hh"

#include <gtest/gtest.h>

namespace spelling_test {

using namespace qt;

TEST(Spelling, FindsWhatWasMeant) {
  constexpr std::string_view k_names[] = {"machine", "member", "wait", "wait-regex", "args"};
  EXPECT_EQ(did_you_mean("machin", k_names), "; did you mean 'machine'?");
  EXPECT_EQ(did_you_mean("memeber", k_names), "; did you mean 'member'?");
  EXPECT_EQ(did_you_mean("wiat", k_names), "; did you mean 'wait'?") << "neighbours swapped";
  EXPECT_EQ(did_you_mean("wait-", k_names), "; did you mean 'wait' or 'wait-regex'?");
  EXPECT_EQ(did_you_mean("member", k_names), "") << "nobody means what was said";
  EXPECT_EQ(did_you_mean("xyzzy-foo", k_names), "");
  EXPECT_EQ(did_you_mean("", k_names), "");
  constexpr std::string_view k_twice[] = {"boot/a", "boot/a", "boot/b"};
  EXPECT_EQ(did_you_mean("boot/", k_twice), "; did you mean 'boot/a' or 'boot/b'?");
}

} // namespace spelling_test
