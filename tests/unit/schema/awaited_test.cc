#include "schema/awaited.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace awaited_test {

using namespace qt;
using testing::HasSubstr;

TEST(Awaited, WhatStripAnsiTakesOutCannotCome) {
  EXPECT_NE(stripped_mistake({"wait", "\x1b[0m"}), "");
  EXPECT_EQ(stripped_mistake({"wait", "[0m \\e"}), "");
  for (const char* expression :
       {"\\e\\[0m", "a\\x1bb", "(\\x1B)?", "\\033", "\\x{1b}", "\x1b", "\\\\\\e", "\\c["}) {
    EXPECT_NE(stripped_mistake({"wait-regex", expression, true}), "") << expression;
  }
  for (const char* expression : {"\\\\e", "\\\\x1b", "x1b", "e", "\\\\\\\\033"}) {
    EXPECT_EQ(stripped_mistake({"wait-regex", expression, true}), "") << expression;
  }
}

TEST(Awaited, IsWhatAStepLooksForOnTheConsole) {
  Step step{StepType::interrupt,
            {{"interrupt", "x"}, {"until", "=> "}, {"fail", {{{"regex", "o+"}}, {{"text", "p"}}}}},
            ""};
  const std::vector<Awaited> texts = awaited_texts(step);
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[0].text, "=> ");
  EXPECT_FALSE(texts[0].is_regex);
  EXPECT_TRUE(texts[1].is_regex);
  EXPECT_EQ(texts[2].text, "p");
  step = {StepType::qmp, {{"qmp", "x"}, {"until", {{"a", 1}}}}, ""};
  EXPECT_TRUE(awaited_texts(step).empty());
}

std::string warning(const std::vector<Step>& steps) {
  TypedTexts typed;
  std::string all;
  for (const Step& step : steps) {
    all += typed.take(step);
  }
  return all;
}

Step line(const char* text) { return {StepType::line, {{"line", text}}, ""}; }
Step wait(const char* text) { return {StepType::wait, {{"wait", text}}, ""}; }

TEST(TypedTexts, WhatIsAwaitedIsNotPartOfThem) {
  EXPECT_THAT(warning({line("false && echo TEST-PASSED"), wait("PASSED")}),
              HasSubstr("wait: 'PASSED' is part of what was just typed"));
  EXPECT_EQ(warning({line("echo PASS''ED"), wait("PASSED")}), "");
  EXPECT_EQ(warning({line("echo OK"), wait("# "), wait("OK")}), "") << "its echo has come before";
  EXPECT_NE(warning({line("a"), line("b"), wait("a")}), "");
  EXPECT_NE(warning({{StepType::send, {{"send", "root\r"}}, ""}, wait("root")}), "");
  EXPECT_NE(warning({line("echo 5"), {StepType::wait_regex, {{"wait-regex", "o \\d"}}, ""}}), "");
  EXPECT_NE(warning({{StepType::interrupt, {{"interrupt", "ab"}, {"until", "a"}}, ""}}), "");
  EXPECT_NE(warning({line("x"), {StepType::qmp, {{"qmp", "stop"}}, ""}, wait("x")}), "");
}

TEST(TypedTexts, EachConsoleHasItsOwn) {
  Step other = wait("OK");
  other.values["vm"] = "b";
  Step typed = line("OK");
  typed.values["vm"] = "a";
  EXPECT_EQ(warning({typed, other}), "");
  other.values["vm"] = "a";
  EXPECT_NE(warning({typed, other}), "");
}

} // namespace awaited_test
