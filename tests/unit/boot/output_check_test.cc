#include "boot/output_check.hh"

#include "base/error.hh"
#include "schema/key.hh"

#include <gtest/gtest.h>

namespace qt {
namespace output_check_test {

// One list of checks for the members of a table.
Json in_list(const Json& checks) {
  Json list = Json::array();
  for (const auto& [check, asked] : checks.items()) {
    list.push_back(Json::object({{check, asked}}));
  }
  return list;
}

std::string mistake(const Json& checks, std::string_view text, std::size_t piece = 3) {
  OutputCheck check(in_list(checks), {});
  for (std::size_t at = 0; at < text.size(); at += piece) {
    check.feed(text.substr(at, piece));
  }
  check.end();
  return check.mistake("it");
}

TEST(OutputCheck, MeansTheSameAsLookingAtTheWholeText) {
  for (const char* const text :
       {"", "\n", "ab\nc\n", "one\n", "one", "one\n\n", "aaa", "x=10", "c"}) {
    for (const Json& checks :
         {Json::object(), Json{{"contains", "b"}}, Json{{"contains", ""}}, Json{{"lacks", "b\nc"}},
          Json{{"lacks", ""}}, Json{{"equals", "one"}}, Json{{"equals", ""}},
          Json{{"matches", "^c$"}}, Json{{"matches", "^$"}}, Json{{"matches", "a*"}},
          Json{{"matches", "=[0-9]+$"}}, Json{{"matches", "(?s)a.*c"}},
          Json{{"contains", "c"}, {"lacks", "a"}, {"matches", "\\Ac"}}}) {
      for (const std::size_t piece : {1, 2, 100}) {
        EXPECT_EQ(mistake(checks, text, piece), text_mistake(in_list(checks), text, "it"))
            << text << " " << checks;
      }
    }
  }
}

TEST(OutputCheck, SeesEveryByteOfALongText) {
  std::string text = "first words\n";
  text.append(40 << 20, '.');
  text += "\nlast words\n";
  const auto judged = [&text](const Json& checks) { return mistake(checks, text, 1 << 16); };
  EXPECT_EQ(judged({{"contains", "first"}, {"matches", "^first \\w+$"}}), "");
  EXPECT_EQ(judged({{"contains", "last words\n"}, {"matches", "last \\w+$"}}), "");
  EXPECT_EQ(judged({{"lacks", "first"}}), "asked of it: lacks 'first'");
  EXPECT_EQ(judged({{"equals", "first words"}}), "asked of it: equals 'first words'");
  EXPECT_EQ(judged({{"matches", "middle"}}), "asked of it: matches 'middle'");
}

TEST(OutputCheck, TheStartOfTheKeptEndIsNotTheStart) {
  std::string text = "BAD\n";
  for (int i = 0; i < 30'000; ++i) {
    text += "1234567\n";
  }
  const auto judged = [&text](const char* expression) {
    return mistake({{"matches", expression}}, text, 1 << 12);
  };
  const std::string why = " (it is 234.4 KiB long; of one over 128.0 KiB an expression that begins "
                          "with its start can match the first 64.0 KiB only)";
  EXPECT_EQ(judged("(?s)\\A(?!.*BAD).+\\z"), "asked of it: matches '(?s)\\A(?!.*BAD).+\\z'" + why);
  EXPECT_NE(judged("\\A\\d{7}\\n"), "");
  EXPECT_EQ(judged("\\ABAD$"), "");
  EXPECT_EQ(judged("^1234567\\n\\z"), "");
  EXPECT_EQ(judged("(?s)\\d+\\n1.*7\\n\\z"), "");
}

TEST(OutputCheck, AllOfSeveralOfAKindMustHold) {
  const auto judged = [](const Json& checks) {
    OutputCheck check(checks, {});
    check.feed("one\ntwo\n");
    check.end();
    return check.mistake("it");
  };
  EXPECT_EQ(judged({{{"contains", "one"}}, {{"contains", "two"}}, {{"lacks", "x"}}}), "");
  EXPECT_EQ(judged({{{"contains", "one"}}, {{"contains", "three"}}}),
            "asked of it: contains 'three'");
  EXPECT_EQ(judged({{{"lacks", "two"}}, {{"lacks", "three"}}}), "asked of it: lacks 'two'");
  EXPECT_EQ(judged({{{"equals", "one\ntwo"}}, {{"equals", "one"}}}), "asked of it: equals 'one'");
}

TEST(OutputCheck, KnowsTheFirstReasonToSkip) {
  OutputCheck check({}, {"nothing of it", "too low", "phys"});
  check.feed("phys-bits too");
  EXPECT_EQ(check.skip_text(), "phys");
  check.feed(" low\n");
  EXPECT_EQ(check.skip_text(), "too low");
}

TEST(OutputCheck, RefusesAWrongExpression) {
  EXPECT_THROW(OutputCheck(in_list({{"matches", "("}}), {}), Error);
}

} // namespace output_check_test
} // namespace qt
