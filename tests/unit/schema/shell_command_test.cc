#include "schema/shell_command.hh"

#include "data/regex.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shell_command_test {

using namespace qt;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string k_mark = "0123456789ab";

TEST(ShellCommand, PutsTheMarkAroundTheCommand) {
  const ShellCommand command = shell_command(" dd if=/dev/zero count=4\n", k_mark);
  EXPECT_THAT(command.lines, ElementsAre("echo qt-012345''6789ab-begin; dd if=/dev/zero count=4; "
                                         "echo qt-012345''6789ab-$?-end"));
  EXPECT_EQ(command.begin, "qt-0123456789ab-begin");
  EXPECT_THAT(shell_command("sleep 9 &", k_mark).lines,
              ElementsAre(HasSubstr("-begin; sleep 9 & echo qt-")));
  EXPECT_THAT(shell_command("true;", k_mark).lines, ElementsAre(HasSubstr("; true; echo qt-")));
  EXPECT_THAT(shell_command("echo '&'", k_mark).lines, ElementsAre(HasSubstr("'&'; echo qt-")));
  EXPECT_THAT(shell_command("echo \\&", k_mark).lines, ElementsAre(HasSubstr("\\&; echo qt-")));
  EXPECT_THAT(shell_command("for i in 1 2\ndo echo $i\ndone # all", k_mark).lines,
              ElementsAre("{ echo qt-012345''6789ab-begin", "for i in 1 2", "do echo $i",
                          "done # all", "}; echo qt-012345''6789ab-$?-end"));
}

TEST(ShellCommand, KnowsTheEndFromWhatWasTyped) {
  const Regex end(shell_command("true", k_mark).end);
  const auto status = [&](const std::string& said) {
    const auto found = end.search(said);
    return found ? status_in(said.substr(found->begin, found->end - found->begin)) : "none";
  };
  EXPECT_EQ(status("x\r\nqt-0123456789ab-17-end\r\n"), "17");
  EXPECT_EQ(status("qt-0123456789ab-$?-end"), "$?");
  EXPECT_EQ(status("qt-0123456789ab--end"), "");
  EXPECT_EQ(status(shell_command("true", k_mark).lines[0]), "none");
  EXPECT_EQ(status("qt-0123456789ab-1"), "none") << "more digits may come";
  EXPECT_EQ(status("qt-0123456789ac-0-end"), "none");
}

TEST(ShellCommand, RefusesWhatWouldHideTheMark) {
  for (const char* const command : {
           "",
           " \n",
           "echo it's",
           "echo \"a",
           "echo a \\",
           "echo a # b",
           "# nothing",
           "true &&",
           "true |",
           "(true",
           "x=$(true",
           "cat <<EOF",
           "case x in x) true;;",
           "echo \ta",
           "echo \x03",
           "true\r",
       }) {
    EXPECT_NE(shell_mistake(command), "") << command;
  }
  for (const char* const command : {
           "true",
           "sleep 1 &",
           "true;",
           "echo $# ${#x} a#b '#' \"#\" \\#",
           "echo \"it's\" '\"' \\'",
           "echo $((1 << 2))",
           "case x in x) true;; esac",
           "case x in (x) true;; esac",
           "cat <<EOF\nit's\nEOF",
           "true # with a comment\ntrue",
           "true\ntrue # and at the end",
           "sleep 1 &\n",
           "cmp a <(cat b)",
           "echo 2>&1",
       }) {
    EXPECT_EQ(shell_mistake(command), "") << command;
  }
}

TEST(ShellCommand, RefusesLinesThatNoTerminalTakes) {
  EXPECT_EQ(shell_mistake("echo " + std::string(4000, 'x')), "");
  EXPECT_THAT(shell_mistake("echo " + std::string(4090, 'x')), HasSubstr("a terminal takes 4095"));
  const std::string lines = "echo " + std::string(4000, 'x') + "\n";
  EXPECT_EQ(shell_mistake(lines + lines), "");
}

} // namespace shell_command_test
