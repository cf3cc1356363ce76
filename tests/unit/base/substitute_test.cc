#include "base/substitute.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace substitute_test {

using namespace qt;
using testing::ElementsAre;
using testing::IsEmpty;

std::optional<std::string> lookup(std::string_view name) {
  if (name == "scratch") {
    return "/run/s";
  }
  if (name == "loop") {
    return "${scratch}";
  }
  return std::nullopt;
}

TEST(Substitute, PutsValuesIn) {
  EXPECT_EQ(substitute("file=${scratch}/a,b=${scratch}", lookup, Pass::last),
            "file=/run/s/a,b=/run/s");
  EXPECT_EQ(substitute("${loop}", lookup, Pass::last), "${scratch}") << "not scanned again";
  EXPECT_EQ(substitute("", lookup, Pass::last), "");
}

TEST(Substitute, KeepsWhatItDoesNotKnow) {
  EXPECT_EQ(substitute("${other} ${scratch}", lookup, Pass::early), "${other} /run/s");
  EXPECT_EQ(substitute("${other}", lookup, Pass::last), "${other}");
}

TEST(Substitute, TakesTwoDollarsAsALiteral) {
  EXPECT_EQ(substitute("run $${bootcmd}", lookup, Pass::last), "run ${bootcmd}");
  EXPECT_EQ(substitute("run $${scratch}", lookup, Pass::early), "run $${scratch}");
  EXPECT_EQ(substitute("$$${scratch}", lookup, Pass::last), "$${scratch}");
}

TEST(Substitute, LeavesOtherDollarsAlone) {
  for (const char* text : {"cost $5", "$", "$$", "$(ls)", "${open", "${a\nb}", "a${\"x\"}", "}$"}) {
    EXPECT_EQ(substitute(text, lookup, Pass::last), text);
    EXPECT_THAT(placeholders(text), IsEmpty()) << text;
  }
  EXPECT_EQ(substitute("${open ${scratch}", lookup, Pass::last), "${open /run/s");
}

TEST(Substitute, ListsTheNames) {
  EXPECT_THAT(placeholders("${a} $${b} ${c.d-1}${a}${}"), ElementsAre("a", "c.d-1", "a", ""));
  EXPECT_TRUE(has_placeholder({"dd", "of=${out}"}, "out"));
  EXPECT_FALSE(has_placeholder({"$${out}", "out", "${output}"}, "out"));
}

TEST(Substitute, KnowsATextThatIsJustAName) {
  EXPECT_EQ(sole_placeholder("${a}"), "a");
  for (const char* text : {"${a} ", " ${a}", "${a}${b}", "$${a}", "a", ""}) {
    EXPECT_EQ(sole_placeholder(text), std::nullopt) << text;
  }
}

TEST(Substitute, ReadsPortsWithArithmetic) {
  EXPECT_EQ(parse_port_reference("a")->name, "a");
  EXPECT_EQ(parse_port_reference("a-5900")->offset, -5900);
  EXPECT_EQ(parse_port_reference("a-5900")->name, "a");
  EXPECT_EQ(parse_port_reference("vnc-b+1")->offset, 1);
  EXPECT_EQ(parse_port_reference("vnc-b+1")->name, "vnc-b");
  EXPECT_EQ(parse_port_reference("vnc-b")->name, "vnc-b");
  for (const char* wrong : {"", "a-", "-5", "a+99999999999999999999", "a-70000"}) {
    EXPECT_EQ(parse_port_reference(wrong), std::nullopt) << wrong;
  }
}

} // namespace substitute_test
