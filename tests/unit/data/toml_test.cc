#include "data/toml.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace toml_test {

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
                           "d = 2024-01-01\nn = nan\nc = 2024-01-01T10:00:00\n");
  EXPECT_EQ(root.find("t")->text, "x\003");
  EXPECT_EQ(root.find("i")->integer, -5);
  EXPECT_EQ(root.find("f")->number, 0.5);
  EXPECT_TRUE(root.find("b")->boolean);
  EXPECT_EQ(root.find("l")->elements.size(), 2u);
  EXPECT_TRUE(root.find("e")->is(Value::Kind::table));
  EXPECT_TRUE(root.find("d")->is(Value::Kind::date));
  EXPECT_EQ(root.find("d")->text, "2024-01-01");
  EXPECT_EQ(root.find("c")->text, "a date or time");
  EXPECT_EQ(root.find("n")->text, "inf or nan");
  EXPECT_EQ(root.find("missing"), nullptr);
}

TEST(Toml, TellsWhereItStopsAndWhatToDo) {
  EXPECT_THAT(mistake("a = { b = 1,\n c = 2 }"),
              testing::AllOf(HasSubstr("f.toml:1:13 "), HasSubstr("must stand on one line")));
  EXPECT_THAT(mistake("a = { b = 1, }"), HasSubstr("no comma after its last value"));
  EXPECT_THAT(mistake("a = 1\na = 2"), HasSubstr("f.toml:2:"));
  EXPECT_THAT(mistake("a = \"\\q\""), HasSubstr("single quotes"));
  EXPECT_THAT(mistake("t = 30s"), HasSubstr("stand in quotes"));
  EXPECT_THAT(mistake("t = fast"), HasSubstr("stand in quotes"));
  EXPECT_THAT(mistake("a = [1,\n2"), HasSubstr("end-of-file"));
  EXPECT_THAT(mistake("a = \"\xff\""), HasSubstr("utf-8"));
  EXPECT_EQ(mistake("\xef\xbb\xbf# a byte order mark and CRLF are fine\r\na = 1\r\n"), "");
  EXPECT_EQ(mistake(""), "");
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

TEST(Toml, SaysWhereANestingIsTooDeep) {
  const auto too_deep = HasSubstr("nested more than 100 deep");
  EXPECT_THAT(mistake("\na = " + std::string(100000, '[')),
              HasSubstr("f.toml:2:105 tables and lists"));
  EXPECT_THAT(mistake("x = 1\na" + repeated(".a", 20000) + " = 1\n"), HasSubstr("f.toml:2:"));
  EXPECT_THAT(mistake("[a" + repeated(".a", 20000) + "]\n"), too_deep);
  EXPECT_THAT(mistake("[[a" + repeated(".a", 20000) + "]]\n"), too_deep);
  EXPECT_THAT(mistake("a = " + repeated("{a = ", 20000)), too_deep);
  EXPECT_THAT(mistake("a = " + repeated("[{a.b.c.d.e.f = ", 20)), too_deep);
  EXPECT_THAT(mistake("\"a\"" + repeated(".'b.'", 20000) + " = 1"), too_deep);
}

TEST(Toml, AHeaderHasAName) {
  for (const char* wrong :
       {"[\n", "[[\n", "[ =]", "[\xc3\xa9]", "[.a]", "[ [a]]", "\t[\n", "\xef\xbb\xbf[\n"}) {
    EXPECT_NE(mistake(std::string("e = true\n") + wrong), "") << wrong;
    EXPECT_NE(mistake(wrong), "") << wrong;
  }
  EXPECT_THAT(mistake("e = true\n [ =]"), HasSubstr("f.toml:2:4 neither a value nor the name"));
  EXPECT_THAT(mistake("[\xc3\xa9]"), HasSubstr("f.toml:1:2 only ASCII"));
  EXPECT_EQ(mistake("[ a ]\n[[ \"b\" ]]\n['c']\n[-]\nx = [\n[\n1],\n]\n"), "");
  EXPECT_THAT(mistake("["), HasSubstr("end-of-file"));
}

// Each made an assertion of the library fail.
TEST(Toml, NoFileLosesTheParser) {
  EXPECT_THAT(mistake("e = [1]\na = [\"s\",}"), HasSubstr("f.toml:2:10 neither a value"));
  EXPECT_NE(mistake("a = [}"), "");
  EXPECT_NE(mistake("a = [1, #\n }"), "");
  EXPECT_NE(mistake("a = { b = }"), "");
  EXPECT_NE(mistake("a = ,"), "");
}

// The parser takes most characters that are not ASCII for impossible where white space can stand.
TEST(Toml, OnlyAsciiStandsOutsideOfQuotes) {
  const auto only_ascii = HasSubstr("only ASCII can stand here");
  EXPECT_THAT(mistake("a = 1\n[t\xcb\x92.b]"), only_ascii);
  EXPECT_THAT(mistake("a =\xc2\xa1 1"), only_ascii);
  EXPECT_THAT(mistake("a = \"\"\"x\\\n \xc3\xa9\"\"\""), HasSubstr("f.toml:2:2 only ASCII"));
  EXPECT_THAT(mistake("a = \"\"\"x\\\xc3\xa9\"\"\""), only_ascii);
  EXPECT_EQ(mistake("a = \"\"\"\xc3\xa9\\\n  x\xc3\xa9\n\xc3\xa9\"\"\" # \xc3\xa9"), "");
  EXPECT_EQ(mistake("\"\xc3\xa9\" = '\xc3\xa9'"), "");
}

TEST(Toml, CountsNothingThatIsNoNesting) {
  EXPECT_EQ(mistake("a = \"" + std::string(500, '[') + "\" # " + std::string(500, '{')), "");
  EXPECT_EQ(mistake("a = '" + repeated("x.", 500) + "'"), "");
  EXPECT_EQ(mistake("a = \"\"\"\n" + repeated("[\"\n", 500) + "\"\"\"\nb = '''\n'''\n"), "");
  EXPECT_EQ(mistake("a = [" + repeated("1.5, {b.c = 2.5},\n", 500) + "]"), "");
  EXPECT_EQ(mistake(repeated("[[a.b.c]]\nd.e.f = 1\n", 500)), "");
  EXPECT_EQ(mistake("a" + repeated(".a", 99) + " = 1"), "");
  EXPECT_EQ(
      mistake("a = \"x\\\\\" # \"\nb = 'x\\'\nc = \"\"\"y\\\"\"\"\"\nd = \"\"\"\"z\"\"\"\"\"\n"),
      "");
}

TEST(Toml, SaysWhereATextBeginsThatHasNoEnd) {
  const auto no_end = HasSubstr("the text that begins here has no end");
  EXPECT_THAT(mistake("a = 1\nb = \"no end\nc = 2\n"),
              testing::AllOf(HasSubstr("f.toml:2:5 "), no_end));
  EXPECT_THAT(mistake("b = [\"é\", \"no end]\n"),
              testing::AllOf(HasSubstr("f.toml:1:11 "), no_end));
  EXPECT_THAT(mistake("b = 'no end"), testing::AllOf(HasSubstr("f.toml:1:5 "), no_end));
  EXPECT_THAT(mistake("b = \"\"\"\nno end\n\n"), testing::AllOf(HasSubstr("f.toml:1:5 "), no_end));
  EXPECT_THAT(mistake("x =\nb = \"no end\n"), HasSubstr("f.toml:1:")) << "the first mistake";
}

} // namespace toml_test
