#include "console/ansi.hh"

#include <gtest/gtest.h>
#include <string>

namespace ansi_test {

using namespace qt;

std::string strip(std::string_view bytes, std::size_t piece) {
  AnsiFilter filter;
  std::string passed;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    filter.feed(bytes.substr(0, piece), [&passed](std::string_view some) { passed += some; });
  }
  return passed;
}

void expect_stripped(std::string_view bytes, std::string_view wanted) {
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    ASSERT_EQ(strip(bytes, piece), wanted) << "in pieces of " << piece;
  }
}

TEST(AnsiTest, SequencesGoHoweverCut) {
  expect_stripped("\x1b[1;31mred\x1b[0m \x1b[?2004h\x1b[2 qx", "red x");
  expect_stripped("a\x1b]0;title\ab\x1b]8;;http://x\x1b\\c", "abc");
  expect_stripped("\x1bPq#0\x1b\\x\x1b_apc\x1b\\y\x1b^pm\az", "xyz");
  expect_stripped("\x1bOA\x1bNxk\x1b(B\x1b)0\x1b#8\x1b=\x1b"
                  "7\x1b"
                  "8\x1bM.",
                  "k.");
}

TEST(AnsiTest, ALoneEscapeTakesNothingWithIt) {
  expect_stripped("a\x1b\r\nb", "a\r\nb");
  expect_stripped("a\x1b\x1b[1mb", "ab");
  expect_stripped("a\x1b\xc3\xa4", "a\xc3\xa4");
  expect_stripped("a\x1b[3\x1b[1mb\x1b[1\x18"
                  "c",
                  "abc");
}

TEST(AnsiTest, OtherBytesPass) {
  const std::string bytes("\0\xff\x9b"
                          "1m\t\b\r\n\x7f[1m",
                          13);
  expect_stripped(bytes, bytes);
  expect_stripped("\x1b[1\r\n;2mx", "\r\nx"); // as a terminal does it
}

TEST(AnsiTest, AStringWithoutEndHidesLittle) {
  expect_stripped("\x1b]0;tit\r\nKernel panic", "\r\nKernel panic");
  const std::string rest(5000, 'x');
  EXPECT_EQ(strip("\x1b]" + rest, 7).size(), rest.size() - 4096);
}

} // namespace ansi_test
