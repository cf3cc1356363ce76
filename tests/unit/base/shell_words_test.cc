#include "base/shell_words.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shell_words_test {

using namespace qt;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ShellWords, QuotesForAShell) {
  EXPECT_EQ(shell_quote("-bios"), "-bios");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("a'b $c"), "'a'\\''b $c'");
  EXPECT_EQ(shell_quote("=> "), "'=> '");
  EXPECT_EQ(shell_quote("~root"), "'~root'");
}

TEST(ShellWords, SplitsWhatItJoined) {
  const std::vector<std::string> words = {"a b", "", "it's", "\\n", "\"q\"", "x"};
  EXPECT_EQ(split_words(shell_join(words)), words);
  EXPECT_THAT(*split_words("  one\t'two  three' \"four \\\" five\" si\\ x "),
              ElementsAre("one", "two  three", "four \" five", "si x"));
  EXPECT_EQ(split_words("'open"), std::nullopt);
  EXPECT_THAT(*split_words("  "), IsEmpty());
}

} // namespace shell_words_test
