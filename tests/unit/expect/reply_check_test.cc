#include "expect/action.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace reply_check_test {

using testing::ElementsAre;
using testing::HasSubstr;

ReplyMistake judge(const std::string& value, const Json& checks) {
  Step step;
  step.type = StepType::qmp;
  step.values = checks;
  return reply_mistake(read_reply_checks(step), parse_json(value, "value"));
}

TEST(ReplyCheck, ShowsEveryPlaceThatIsNotAsAsked) {
  const ReplyMistake mistake =
      judge(R"({"status": "running", "a/b": {"n": 1}, "list": [{"id": "x", "n": 1}, {"id": "y"}]})",
            {{"returns",
              {{"status", "paused"},
               {"a/b", {{"n", 2}}},
               {"nope", 1},
               {"list", Json::array({{{"id", "x"}, {"n", 3}}})}}}});
  EXPECT_EQ(mistake.text, "at '/a~1b/n': asked 2, came 1");
  EXPECT_THAT(mistake.diff, ElementsAre("/a~1b/n", "  - 2", "  + 1", "/list",
                                        R"(  - an element with {"id":"x","n":3})",
                                        "    the nearest of 2 elements is /list/0:", "/list/0/n",
                                        "  - 3", "  + 1", "/nope", "  - 1", "  + nothing",
                                        "    there is a/b, list, status", "/status",
                                        R"(  - "paused")", R"(  + "running")"));
}

TEST(ReplyCheck, StaysOnAScreen) {
  Json wanted = Json::object();
  Json value = Json::object();
  for (int i = 0; i < 1000; ++i) {
    wanted[std::to_string(i)] = std::string(1000, 'a');
    value[std::to_string(i)] = std::string(100000, 'b');
  }
  const ReplyMistake mistake = difference("", value, wanted);
  EXPECT_LE(mistake.diff.size(), 25u);
  EXPECT_EQ(mistake.diff.back(), "… and more");
  for (const std::string& line : mistake.diff) {
    EXPECT_LT(line.size(), 200u);
  }
  EXPECT_LT(mistake.text.size(), 1000u);
}

TEST(ReplyCheck, ListsOfAnythingAreCompared) {
  EXPECT_FALSE(judge("[[1, [2, null]], {}]", {{"returns", Json::array({Json::array({1})})}}));
  EXPECT_THAT(
      judge("[]", {{"returns", {1}}}).diff,
      ElementsAre("(the whole reply)", "  - an element with 1", "  + []", "    the list is empty"));
  EXPECT_THAT(judge("[1, \"1\"]", {{"returns", {2}}}).diff,
              ElementsAre("(the whole reply)", "  - an element with 2", R"(  + [1,"1"])"));
  EXPECT_EQ(judge("null", {{"returns", Json::array({1})}}).text, "asked [1], came null");
}

TEST(ReplyCheck, WhatIsThereTooSeldomIsShown) {
  const ReplyMistake mistake = judge("[1, 2]", {{"returns", {1, 1}}});
  EXPECT_EQ(mistake.text, "asked one more element with 1, came [1,2]");
  EXPECT_THAT(mistake.diff,
              ElementsAre("(the whole reply)", "  - one more element with 1", "  + [1,2]",
                          "    each element that is asked for needs one of its own"));
}

TEST(ReplyCheck, ATextIsNotLookedForAmongTables) {
  EXPECT_FALSE(judge(R"(["a", "b"])", {{"lacks", "c"}}));
  EXPECT_TRUE(judge(R"(["a", "b"])", {{"lacks", "b"}}));
  EXPECT_THAT(judge(R"([{"name": "a"}])", {{"lacks", "b"}}).text, HasSubstr("matches = '^(?!"));
  EXPECT_TRUE(judge(R"([["a"]])", {{"lacks", "b"}}));
  EXPECT_FALSE(judge(R"({"name": "a"})", {{"lacks", "b"}}));
  EXPECT_TRUE(judge(R"({"name": "a"})", {{"lacks", "name"}}));
  EXPECT_TRUE(judge(R"({"name": "a", "more": {"status": "paused"}})", {{"lacks", "paused"}}));
}

TEST(ReplyCheck, NumbersAreWhatTheyAre) {
  EXPECT_FALSE(judge("18446744073709551615", {{"equals", 18446744073709551615U}}));
  EXPECT_TRUE(judge("18446744073709551615", {{"equals", -1}}));
  EXPECT_FALSE(judge("18446744073709551615", {{"matches", "^18446744073709551615$"}}));
  EXPECT_TRUE(judge("18446744073709551615", {{"range", {0, 5}}}));
  EXPECT_TRUE(judge("9007199254740993", {{"equals", 9007199254740992}}));
  EXPECT_FALSE(judge("1.0", {{"equals", 1}}));
  EXPECT_FALSE(judge("-0.5", {{"range", {-1, 0}}}));
  EXPECT_TRUE(judge("18446744073709551615", {{"range", {-9, -1}}}));
  EXPECT_EQ(judge("\"5\"", {{"range", {1, 9}}}).text, R"(asked 1 to 9, came "5")");
  EXPECT_EQ(judge("5", {{"length", 1}}).text, "asked length 1 (it has none), came 5");
}

TEST(ReplyCheck, APointerThatLeadsNowhereSaysHowFarItGot) {
  const Json reply = {{"a", {{{"b", 1}}}}};
  ReplyMistake missing;
  EXPECT_EQ(narrowed("/a/0/c", reply, missing), nullptr);
  EXPECT_EQ(missing.text, R"(at '/a/0/c': there is only '/a/0', which is {"b":1})");
  EXPECT_THAT(missing.diff,
              ElementsAre("/a/0/c", "  - a value", "  + nothing", R"(    /a/0 is {"b":1})"));
}

} // namespace reply_check_test
} // namespace qt
