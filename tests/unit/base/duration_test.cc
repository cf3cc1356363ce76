#include "base/duration.hh"

#include <gtest/gtest.h>

namespace duration_test {

using namespace qt;
using namespace std::chrono_literals;

TEST(DurationText, NeedsAUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("0.5s"), 500ms);
  EXPECT_EQ(parse_duration("2m"), 120s);
  EXPECT_EQ(parse_duration("1h"), 3600s);
  EXPECT_EQ(parse_duration("183d"), 24h * 183);
  EXPECT_EQ(parse_duration("0s"), 0s);
  for (const char* wrong : {"", "30", "s", "-1s", "1 s", "1S", "1sec", "1e9s", "nan", "1e400d"}) {
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
  }
}

TEST(DurationText, ReadsBack) {
  for (const Duration span : {Duration(0ms), Duration(1ms), Duration(1500ms), Duration(2s)}) {
    EXPECT_EQ(parse_duration(format_duration(span)), span);
  }
}

TEST(Deadline, NeverDoesNotExpire) {
  EXPECT_FALSE(Deadline::never().expired());
  EXPECT_EQ(Deadline::never().poll_timeout(), -1);
}

TEST(Deadline, RoundsUpSoThatPollNeverSpins) {
  const Deadline soon = Deadline::after(10s);
  EXPECT_GT(soon.poll_timeout(), 0);
  EXPECT_LE(soon.poll_timeout(), 10000);
  EXPECT_TRUE(Deadline::after(0ms).expired());
  EXPECT_EQ(Deadline::after(0ms).poll_timeout(), 0);
  EXPECT_FALSE(earlier(Deadline::never(), soon).is_never());
}

} // namespace duration_test
