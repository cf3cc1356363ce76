#include "tap/tag.hh"

#include "base/error.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tag_expression_test {

using namespace qt;
using testing::ElementsAre;
using testing::HasSubstr;

bool matches(const char* expression, const std::set<std::string>& tags) {
  return TagExpression(expression).matches(tags);
}

std::string mistake(const std::string& expression) {
  try {
    TagExpression{expression};
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
}

TEST(TagExpression, AWordIsATag) {
  EXPECT_TRUE(matches("slow", {"slow", "arch:arm"}));
  EXPECT_FALSE(matches("slow", {"slower"}));
}

TEST(TagExpression, AWordMayBeAPattern) {
  EXPECT_TRUE(matches("machine:ast2?00*", {"machine:ast2600-evb"}));
  EXPECT_FALSE(matches("machine:ast2?00*", {"machine:ast1030-evb"}));
}

TEST(TagExpression, NotBindsBeforeAndBindsBeforeOr) {
  EXPECT_TRUE(matches("a or b and c", {"a"}));
  EXPECT_FALSE(matches("(a or b) and c", {"a"}));
  EXPECT_TRUE(matches("not a and b", {"b"}));
  EXPECT_FALSE(matches("not (a and b)", {"a", "b"}));
  EXPECT_TRUE(matches("not not a", {"a"}));
}

TEST(TagExpression, NeedsNoSpaceAroundParentheses) {
  EXPECT_TRUE(matches("(a)and(not(b))", {"a"}));
}

TEST(TagExpression, TellsItsWords) {
  const TagExpression expression("b and not (a or not b*)");
  std::vector<std::pair<std::string, bool>> words;
  for (const TagExpression::Word& word : expression.words()) {
    words.emplace_back(word.text, word.is_wanted);
  }
  EXPECT_THAT(words,
              ElementsAre(std::pair("b", true), std::pair("a", false), std::pair("b*", true)));
}

TEST(TagExpression, MayBeLong) {
  std::string ors = "a";
  for (int i = 0; i < 100'000; ++i) {
    ors += i % 2 == 0 ? " or a" : " and a";
  }
  EXPECT_TRUE(matches(ors.c_str(), {"a"}));
  EXPECT_FALSE(matches(ors.c_str(), {"b"}));
}

TEST(TagExpression, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(mistake(""), HasSubstr("expected a tag, 'not' or '('"));
  EXPECT_THAT(mistake("a and"), HasSubstr("expected a tag"));
  EXPECT_THAT(mistake("a b"), HasSubstr("at 'b': expected 'and', 'or' or the end"));
  EXPECT_THAT(mistake("(a"), HasSubstr("expected ')'"));
  EXPECT_THAT(mistake("a)"), HasSubstr("at ')': no '(' is open"));
  EXPECT_THAT(mistake("or a"), HasSubstr("at 'or'"));
  EXPECT_THAT(mistake(std::string(100'000, '(')), HasSubstr("nested too deeply"));
}

} // namespace tag_expression_test
