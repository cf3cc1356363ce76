#include "schema/key.hh"

#include "base/error.hh"

#include <gtest/gtest.h>

namespace qt {
namespace text_check_test {

// One list of checks for the members of a table.
std::string mistake(const Json& checks, std::string_view text) {
  Json list = Json::array();
  for (const auto& [check, asked] : checks.items()) {
    list.push_back(Json::object({{check, asked}}));
  }
  return text_mistake(list, text, "it");
}

TEST(TextMistake, IsNothingIfEveryCheckHolds) {
  EXPECT_EQ(mistake(Json::object(), "anything"), "");
  EXPECT_EQ(mistake({{"contains", "b"}, {"matches", "^c$"}, {"lacks", "d"}}, "ab\nc\n"), "");
  EXPECT_EQ(mistake({{"equals", "one"}}, "one\n"), "");
}

TEST(TextMistake, NamesTheCheckThatDoesNotHold) {
  EXPECT_EQ(mistake({{"contains", "x"}}, "ab"), "asked of it: contains 'x'");
  EXPECT_EQ(mistake({{"equals", "a"}}, "ab"), "asked of it: equals 'a'");
  EXPECT_EQ(mistake({{"matches", "b.+"}}, "ab"), "asked of it: matches 'b.+'");
  EXPECT_EQ(mistake({{"lacks", "b"}}, "ab"), "asked of it: lacks 'b'");
  EXPECT_EQ(text_mistake({{{"contains", "a"}}, {{"contains", "c"}}}, "ab", "it"),
            "asked of it: contains 'c'");
}

TEST(TextMistake, RefusesAWrongExpression) { EXPECT_THROW(mistake({{"matches", "("}}, ""), Error); }

} // namespace text_check_test
} // namespace qt
