#include "base/text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace text_test {

using namespace qt;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Text, EscapesWhatATerminalWouldActOn) {
  EXPECT_EQ(escape_for_display("plain é\tok"), "plain é\tok");
  EXPECT_EQ(escape_for_display("\x1b[2J\r\n"), "\\e[2J\\r\\n");
  EXPECT_EQ(escape_for_display(std::string_view("\0\x7f\xff", 3)), "\\x00\\x7f\\xff");
  EXPECT_EQ(escape_for_display("\xc2\x9b"), "\\xc2\\x9b") << "a C1 control is one CSI to xterm";
  EXPECT_EQ(escape_for_display("\xe2\x82"), "\\xe2\\x82") << "cut off UTF-8";
  EXPECT_EQ(escape_for_display("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");
}

// Printable text is looked at several bytes at a time.
TEST(Text, EscapesAByteWhereverItStands) {
  for (int c = 0; c < 256; ++c) {
    const std::string byte(1, static_cast<char>(c));
    const bool passes = c == '\t' || (c >= ' ' && c < 0x7f);
    const std::string escaped = passes ? byte : escape_for_display(byte);
    EXPECT_EQ(escaped.size() > 1, !passes) << c;
    for (std::size_t before = 0; before < 18; ++before) {
      const std::string begin(before, '~');
      for (std::size_t after = 0; after < 10; ++after) {
        const std::string end(after, ' ');
        ASSERT_EQ(escape_for_display(begin + byte + end), begin + escaped + end) << c;
      }
    }
  }
}

TEST(Text, EscapesWhatXmlCannotHold) {
  EXPECT_EQ(escape_for_display("a\xef\xbf\xbf\xef\xbf\xbe!"), "a\\xef\\xbf\\xbf\\xef\\xbf\\xbe!");
  EXPECT_EQ(escape_for_display("\xef\xbf\xbd\xf0\x9f\xbf\xbf"), "\xef\xbf\xbd\xf0\x9f\xbf\xbf")
      << "U+FFFD and U+1FFFF are fine";
}

TEST(Text, EscapesReadBack) {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) {
    every_byte += static_cast<char>(c);
  }
  EXPECT_EQ(parse_escapes(format_escapes(every_byte)), every_byte);
  EXPECT_EQ(parse_escapes("\\r\\x03\\\\\\0"), std::string("\r\x03\\\0", 4));
  EXPECT_EQ(parse_escapes("\\q"), std::nullopt);
  EXPECT_EQ(parse_escapes("\\x0"), std::nullopt);
  EXPECT_EQ(parse_escapes("\\xzz"), std::nullopt);
  EXPECT_EQ(parse_escapes("end\\"), std::nullopt);
}

TEST(Text, ReadsWholeNumbersOnly) {
  EXPECT_EQ(parse_integer("-5"), -5);
  EXPECT_EQ(parse_integer("0x1F"), 31);
  for (const char* wrong : {"", "-", "--5", "5x", " 5", "0x", "99999999999999999999"}) {
    EXPECT_EQ(parse_integer(wrong), std::nullopt) << wrong;
  }
}

TEST(Text, ReadsSizesInBinaryUnits) {
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("16M"), 16u << 20);
  EXPECT_EQ(parse_size("1T"), 1ull << 40);
  for (const char* wrong : {"", "M", "-1", "16MB", "1.5G", "9999999999T"}) {
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  }
}

TEST(Text, ShowsSizesToPeople) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_size(1048575), "1.0 MiB");
  EXPECT_EQ(format_size(std::uint64_t(20) << 30), "20.0 GiB");
  EXPECT_EQ(format_size(std::uint64_t(5000) << 40), "5000.0 TiB");
}

TEST(Text, TakesTheLastLines) {
  EXPECT_THAT(last_lines("a\r\nb\n\nc", 2), ElementsAre("", "c"));
  EXPECT_THAT(last_lines("a\r\r\nb\r\n\r\n", 5), ElementsAre("a", "b"));
  EXPECT_THAT(last_lines("", 3), IsEmpty());
  EXPECT_THAT(last_lines("one", 3), ElementsAre("one"));
  EXPECT_THAT(last_lines(std::string(4096, 'p'), 3), ElementsAre(std::string(4096, 'p'))); // a path
  EXPECT_THAT(last_lines("a\n" + std::string(1 << 20, 'x') + "y", 3),
              ElementsAre("a", "…" + std::string(4095, 'x') + "y"));
}

} // namespace text_test
