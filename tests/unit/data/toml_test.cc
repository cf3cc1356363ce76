#include "data/toml.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace qt;
using testing::HasSubstr;

Value parse(const std::string& text) { return std::get<Value>(parse_toml(text, "f.toml")); }

std::string mistake(const std::string& text) {
  const auto parsed = parse_toml(text, "f.toml");
  const Mistake* const found = std::get_if<Mistake>(&parsed);
  return found == nullptr ? "" : found->at.text() + " " + found->text;
}

TEST(Toml, KeepsTheOrderOfTheFile) {
  const Value root = parse("z = 1\na = 2\n[m.y]\n[m.b]\n[m.c]\nq = {z = 1, a = 2}\n");
  std::string order;
  for (const Member& member : root.members) {
    order += member.key;
  }
  for (const Member& member : root.find("m")->members) {
    order += member.key;
  }
  for (const Member& member : root.find("m")->find("c")->find("q")->members) {
    order += member.key;
  }
  EXPECT_EQ(order, "zamybcza");
}

TEST(Toml, KnowsThePlaceOfEveryKeyAndValue) {
  const Value root = parse("a = \"é\" # c\n[test.n]\nsteps = [ { wait = \"é\", z = 1 },\n  3 ]\n"
                           "[[test.n.phase]]\n[[test.n.phase]]\n");
  EXPECT_EQ(root.member("a")->at.text(), "f.toml:1:1");
  EXPECT_EQ(root.find("a")->at.text(), "f.toml:1:5");
  const Value& test = *root.find("test")->find("n");
  EXPECT_EQ(root.find("test")->member("n")->at.text(), "f.toml:2:7");
  EXPECT_EQ(test.find("steps")->elements[0].at.text(), "f.toml:3:11");
  EXPECT_EQ(test.find("steps")->elements[0].member("z")->at.text(), "f.toml:3:25")
      << "columns count characters, not bytes";
  EXPECT_EQ(test.find("steps")->elements[1].at.text(), "f.toml:4:3");
  EXPECT_EQ(test.find("phase")->elements[1].at.text(), "f.toml:6:1");
}

TEST(Toml, GivesEachKindOfValue) {
  const Value root = parse("t = \"x\\u0003\"\ni = -5\nf = 0.5\nb = true\nl = [1, \"a\"]\ne = {}\n"
                           "d = 2024-01-01\nn = nan\n");
  EXPECT_EQ(root.find("t")->text, "x\003");
  EXPECT_EQ(root.find("i")->integer, -5);
  EXPECT_EQ(root.find("f")->number, 0.5);
  EXPECT_TRUE(root.find("b")->boolean);
  EXPECT_EQ(root.find("l")->elements.size(), 2u);
  EXPECT_TRUE(root.find("e")->is(Value::Kind::table));
  EXPECT_EQ(root.find("d")->text, "a date or time");
  EXPECT_EQ(root.find("n")->text, "inf or nan");
  EXPECT_EQ(root.find("missing"), nullptr);
}

TEST(Toml, TellsWhereItStopsAndWhatToDo) {
  EXPECT_THAT(mistake("a = { b = 1,\n c = 2 }"),
              testing::AllOf(HasSubstr("f.toml:1:13 "), HasSubstr("must stand on one line")));
  EXPECT_THAT(mistake("a = { b = 1, }"), HasSubstr("no comma behind its last value"));
  EXPECT_THAT(mistake("a = 1\na = 2"), HasSubstr("f.toml:2:"));
  EXPECT_THAT(mistake("a = \"\\q\""), HasSubstr("single quotes"));
  EXPECT_THAT(mistake("t = 30s"), HasSubstr("stand in quotes"));
  EXPECT_THAT(mistake("t = fast"), HasSubstr("stand in quotes"));
  EXPECT_THAT(mistake("a = [1,\n2"), HasSubstr("end-of-file"));
  EXPECT_THAT(mistake("a = \"\xff\""), HasSubstr("utf-8"));
  EXPECT_EQ(mistake("\xef\xbb\xbf# a byte order mark and CRLF are fine\r\na = 1\r\n"), "");
  EXPECT_EQ(mistake(""), "");
}

TEST(Toml, SurvivesDeepNesting) { EXPECT_NE(mistake("a = " + std::string(100000, '[')), ""); }

} // namespace
