#include "schema/text_check.hh"

#include "base/error.hh"

#include <gtest/gtest.h>

namespace qt {
namespace text_check_test {

TEST(TextMistake, IsNothingIfEveryCheckHolds) {
  EXPECT_EQ(text_mistake(Json::object(), "anything", "it"), "");
  EXPECT_EQ(text_mistake({{"contains", "b"}, {"matches", "^c$"}, {"lacks", "d"}}, "ab\nc\n", "it"),
            "");
  EXPECT_EQ(text_mistake({{"equals", "one"}}, "one\n", "it"), "");
}

TEST(TextMistake, NamesTheCheckThatDoesNotHold) {
  EXPECT_EQ(text_mistake({{"contains", "x"}}, "ab", "it"), "asked of it: contains 'x'");
  EXPECT_EQ(text_mistake({{"equals", "a"}}, "ab", "it"), "asked of it: equals 'a'");
  EXPECT_EQ(text_mistake({{"matches", "b.+"}}, "ab", "it"), "asked of it: matches 'b.+'");
  EXPECT_EQ(text_mistake({{"lacks", "b"}}, "ab", "it"), "asked of it: lacks 'b'");
}

TEST(TextMistake, RefusesAWrongExpression) {
  EXPECT_THROW(text_mistake({{"matches", "("}}, "", "it"), Error);
}

} // namespace text_check_test
} // namespace qt
