#include "console/cursor_line.hh"

#include <gtest/gtest.h>

namespace qt {
namespace cursor_line_test {

std::string line_after(std::string_view bytes, std::size_t piece) {
  CursorLine line;
  while (!bytes.empty()) {
    line.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    if (piece == 1) {
      line.text(); // looking changes nothing
    }
  }
  return std::string(line.text());
}

TEST(CursorLineTest, HoldsWhatStandsBeforeTheCursor) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"one\r\n# ", "# "},
      {"one\r\n", ""},
      {"100%\r", ""},
      {"50%\r100%", "100%"},
      {"abc\b\bd", "ad"},
      {"\x1b[?2004h\x1b[1;32mroot\x1b[0m# ", "root# "},
      {"# [    3.1] usb 1-1: new\r\n[    3.2][   T12] usb 1-2: new\r\n", "# "},
      {"[    3.1] usb 1-1: new\r\n", ""},
      {"[0.5] is no time\r\n", ""},
  };
  for (const auto& [bytes, wanted] : cases) {
    for (const std::size_t piece : {1u, 3u, 1000u}) {
      EXPECT_EQ(line_after(bytes, piece), wanted) << bytes << " in pieces of " << piece;
    }
  }
}

TEST(CursorLineTest, KeepsTheEndOfALongLine) {
  EXPECT_TRUE(line_after(std::string(100'000, 'x') + "# ", 1000).ends_with("xx# "));
  EXPECT_EQ(line_after(std::string(100'000, 'x') + "\n# ", 100'000), "# ");
  EXPECT_EQ(line_after(std::string(9'000, 'x') + "\n# ", 7), "# ");
}

TEST(CursorLineTest, NumbersLines) {
  CursorLine line;
  line.feed("one");
  const std::uint64_t first = line.number();
  line.feed(" more[    3.1] message\r\n");
  EXPECT_EQ(line.number(), first);
  line.feed("\r\n");
  EXPECT_NE(line.number(), first);
}

} // namespace cursor_line_test
} // namespace qt
