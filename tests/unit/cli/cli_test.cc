#include "cli/cli.hh"

#include "base/error.hh"
#include "base/log.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cli_test {

using namespace qt;
using testing::ElementsAre;
using testing::HasSubstr;

class CliTest : public testing::Test {
protected:
  CliTest() {
    set_program_name("qt-test");
    m_line.group("Steps")
        .option("wait", "TEXT", "wait", [this](const auto& v) { m_order.push_back("wait=" + v); })
        .option("line,l", "TEXT", "type", [this](const auto& v) { m_order.push_back("line=" + v); })
        .flag("quit", "end", [this] { m_order.emplace_back("quit"); })
        .option("timeout", "limit", m_timeout)
        .operands(m_operands);
  }

  std::string mistake(const std::vector<std::string>& words) {
    try {
      (void)m_line.parse(words);
      return "none";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return error.what();
    }
  }

  CommandLine m_line{"[options] FILE…", "Tests the command line."};
  std::vector<std::string> m_order;
  std::vector<std::string> m_operands;
  std::optional<Duration> m_timeout;
};

TEST_F(CliTest, KeepsTheOrderOfOptions) {
  EXPECT_TRUE(m_line.parse({"--wait", "a", "-l", "b", "file", "--wait=c", "--quit", "other"}));
  EXPECT_THAT(m_order, ElementsAre("wait=a", "line=b", "wait=c", "quit"));
  EXPECT_THAT(m_operands, ElementsAre("file", "other"));
}

TEST_F(CliTest, TakesValuesThatLookLikeOptions) {
  EXPECT_TRUE(m_line.parse({"--wait=--line"}));
  EXPECT_THAT(m_order, ElementsAre("wait=--line"));
}

TEST_F(CliTest, TakesAnyValueInTheNextWord) {
  EXPECT_TRUE(m_line.parse({"--wait", "- x", "--wait", "", "--wait", "=> "}));
  EXPECT_THAT(m_order, ElementsAre("wait=- x", "wait=", "wait==> "));
}

TEST_F(CliTest, NeverGuesses) {
  EXPECT_THAT(mistake({"--qui"}), HasSubstr("unknown option '--qui'; did you mean 'quit'"));
  EXPECT_THAT(mistake({"--wiat", "x"}), HasSubstr("did you mean 'wait'"));
  EXPECT_THAT(mistake({"--wait"}), HasSubstr("wait"));
  EXPECT_THAT(mistake({"--quit=1"}), HasSubstr("quit"));
  EXPECT_THAT(mistake({"--timeout", "30"}), HasSubstr("'30' is not a time"));
}

TEST_F(CliTest, HelpFitsATerminal) {
  m_line.group("More").option("a-rather-long-option-name", "ARGUMENT",
                              "a help text that is long enough to need a second line of its own",
                              [](const std::string&) {});
  std::size_t start = 0;
  const std::string help = m_line.help();
  EXPECT_THAT(help, HasSubstr("Usage: qt-test [options] FILE…\n"));
  EXPECT_THAT(help, testing::Not(HasSubstr(" \n")));
  while (start < help.size()) {
    const std::size_t end = help.find('\n', start);
    EXPECT_LE(end - start, 80u) << help.substr(start, end - start);
    start = end + 1;
  }
}

TEST_F(CliTest, ListsItsOptionsForPrograms) {
  const std::string list = m_line.options_text();
  EXPECT_THAT(list, HasSubstr("--wait\tTEXT\twait\n--line -l\tTEXT\ttype\n--quit\t\tend\n"));
  EXPECT_THAT(list, HasSubstr("\n--timeout\tTIME\tlimit\n"));
  EXPECT_THAT(list, HasSubstr("\n--help -h\t\tthis text\n")); // those of all programs, too
}

TEST(CutAtDashes, KeepsTheRestWhole) {
  const std::vector<std::string> words = {"-a", "--", "b", "--", "c", "--", "d"};
  EXPECT_THAT(cut_at_dashes(words, 3),
              ElementsAre(ElementsAre("-a"), ElementsAre("b"), ElementsAre("c", "--", "d")));
  EXPECT_EQ(cut_at_dashes({}, 3).size(), 1u);
  EXPECT_EQ(cut_at_dashes({"--"}, 3).size(), 2u);
}

} // namespace cli_test
