#include "fetch/progress.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace progress_test {

using testing::HasSubstr;

const Clock::time_point k_start = Clock::now();
Clock::time_point after(double seconds) {
  return k_start +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

TEST(Rate, FollowsWhatComes) {
  Rate rate;
  rate.sample(5000, after(0)); // was there before
  EXPECT_EQ(rate.bytes_per_second(), 0);
  rate.sample(7000, after(1));
  EXPECT_NEAR(rate.bytes_per_second(), 2000, 1);
  for (int i = 2; i < 20; ++i) {
    rate.sample(7000, after(i));
  }
  EXPECT_LT(rate.bytes_per_second(), 10); // it stands still
  rate.sample(0, after(20));              // started over
  EXPECT_EQ(rate.bytes_per_second(), 0);
}

TEST(ProgressBoard, IsEmptyWhenNothingIsUnderWay) {
  ProgressBoard board({"a", "b"});
  EXPECT_TRUE(board.lines(after(0), 24, 80).empty());
  board.finished(0);
  EXPECT_TRUE(board.lines(after(1), 24, 80).empty());
}

TEST(ProgressBoard, ALineForEachAndATotal) {
  ProgressBoard board({"https://host/first.tar.xz", "https://host/second.img"});
  board.moved(0, 0, 4 << 20);
  board.moved(1, 1 << 20, 0);
  static_cast<void>(board.lines(after(0), 24, 80));
  board.moved(0, 1 << 20, 4 << 20);
  const std::vector<std::string> lines = board.lines(after(1), 24, 80);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0],
            "https://host/first.tar.xz                   25%    1.0 MiB    1.0 MiB/s     0:03");
  EXPECT_EQ(lines[1],
            "https://host/second.img                            1.0 MiB        0 B/s        -");
  // What was there before the run is not counted.
  EXPECT_EQ(lines[2], "0 of 2 done, 1.0 MiB downloaded, 1.0 MiB/s, more than 0:03 left");
  board.finished(1);
  board.moved(0, 2 << 20, 4 << 20);
  EXPECT_EQ(board.lines(after(2), 24, 80).back(),
            "1 of 2 done, 2.0 MiB downloaded, 1.0 MiB/s, 0:02 left");
}

TEST(ProgressBoard, FitsTheTerminal) {
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) {
    names.push_back("https://host/a/rather/long/path/to/some/file-" + std::to_string(i) + ".img");
  }
  ProgressBoard board(names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    board.moved(i, i, 100);
  }
  for (const std::size_t columns : {1u, 4u, 7u, 20u, 40u, 50u, 80u, 200u}) {
    const std::vector<std::string> lines = board.lines(after(1), 10, columns);
    EXPECT_EQ(lines.size(), 10u);
    for (const std::string& line : lines) {
      EXPECT_LE(line.size(), columns) << line;
    }
    EXPECT_EQ(board.lines(after(1), 1, columns).size(), 1u);
  }
  EXPECT_THAT(board.lines(after(1), 10, 50)[3], HasSubstr("file-3.img"));
}

TEST(ProgressBoard, ForeignBytesStayOutOfTheTerminal) {
  ProgressBoard board({"https://host/\x1b[2J\xc3\xa9"});
  board.moved(0, 1, 2);
  EXPECT_THAT(board.lines(after(0), 24, 80)[0], testing::StartsWith("https://host/?[2J??  "));
}

} // namespace progress_test
} // namespace qt
