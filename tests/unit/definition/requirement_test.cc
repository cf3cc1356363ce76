#include "definition/requirement.hh"

#include "base/error.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace qemu_version_test {

using testing::HasSubstr;

TEST(VersionMeets, ComparesPartByPart) {
  EXPECT_TRUE(version_meets("7.2.22", ">= 7.2"));
  EXPECT_TRUE(version_meets("10.0.0", ">= 9.2.1"));
  EXPECT_FALSE(version_meets("7.2.22", ">= 8"));
  EXPECT_TRUE(version_meets("7.2.22", ">=7, <8"));
  EXPECT_FALSE(version_meets("8.0.0", ">= 7, < 8"));
  EXPECT_TRUE(version_meets("8.0.0", "8"));
  EXPECT_TRUE(version_meets("8.0.1", "!= 8.0.0"));
  EXPECT_TRUE(version_meets("8.0.0", "<= 8.0.0"));
  EXPECT_FALSE(version_meets("8.0.0", "> 8"));
  for (const char* wrong : {"", ">=", "=> 8", "8.x", ">= 1.2.3.4", "8,"}) {
    EXPECT_THROW(version_meets("8.0.0", wrong), Error) << wrong;
  }
}

TEST(QemuVersion, ConditionsThatExcludeEachOtherAreAMistake) {
  for (const char* wrong : {">= 10, < 9", "> 9, < 9", ">= 9, < 9", "== 8, == 9", "< 0",
                            "== 8, != 8", "> 8, < 8.0.1", "<= 7, >= 8, != 3"}) {
    EXPECT_THAT(version_mistake(wrong), HasSubstr("no version meets")) << wrong;
  }
  for (const char* right : {">= 7, < 8", ">= 9, <= 9", "> 8, < 8.0.2", "8", "!= 8", ">= 8, != 8",
                            "< 8, < 9", "> 8, != 8.0.1, < 9", "< 8, != 7.9999.9999"}) {
    EXPECT_EQ(version_mistake(right), "") << right;
  }
  for (const char* wrong : {"", ">= 8,", "=> 8", "8.x", ">= 1.2.3.4", ">= 12345", "-1"}) {
    EXPECT_THAT(version_mistake(wrong), HasSubstr("expected conditions")) << wrong;
  }
}

} // namespace qemu_version_test
} // namespace qt
