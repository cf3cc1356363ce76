// What of a text comes again.
#include "record/stable_text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace stable_text_test {
namespace {

TEST(StableText, TimesAndDatesOfTodayAreCutOut) {
  const auto part = [](const std::string& text) { return timeless_part(text, "2026"); };
  EXPECT_EQ(part("Welcome to OpenBIOS"), "Welcome to OpenBIOS");
  EXPECT_EQ(part("[    1.234567] Run /init as init process"), "Run /init as init process");
  EXPECT_EQ(part("Fri Nov 27 14:36:21 UTC 2026"), " UTC ");
  EXPECT_EQ(part("Date: 2026-11-27 (Friday)    Time: 14:25:00"), "Date: ");
  EXPECT_EQ(part("started 27.11.2026 by the clock"), " by the clock");
  EXPECT_EQ(part("14:25:00"), "");
  // the day on which a payload was built is always the same
  EXPECT_EQ(part("U-Boot 2022.01 (Jan 10 2022 - 18:46)"), "U-Boot 2022.01 (Jan 10 2022 - ");
  EXPECT_EQ(part("release 12026 of 20261 parts"), "release 12026 of 20261 parts");
  EXPECT_EQ(part(""), "");
  EXPECT_EQ(part("=> "), "=> ");
}

TEST(StableText, WhatTwoTextsHaveInCommonEndsAtAWord) {
  EXPECT_EQ(common_part("Booted in 12 ms", "Booted in 13 ms"), "Booted in ");
  EXPECT_EQ(common_part("Booted in 1.25 s", "Booted in 1.31 s"), "Booted in ");
  EXPECT_EQ(common_part("12 disks were found", "7 disks were found"), " disks were found");
  EXPECT_EQ(common_part("at 0x80001234: ready", "at 0x80ff1234: ready"), ": ready");
  EXPECT_EQ(common_part("same", "same"), "same");
  EXPECT_EQ(common_part("abc", "xyz"), "");
  EXPECT_EQ(common_part("3.06 0.06", "2.98 0.06"), "") << "by chance";
  EXPECT_EQ(common_part("3.06 0.06", "3.06 0.06"), "3.06 0.06");
}

TEST(StableText, FindsTheLineThatStandsForAnother) {
  const ConsoleText console("first\r\nBooted in 13 ms\r\nlast\r\n");
  EXPECT_TRUE(console.contains("oted in"));
  EXPECT_FALSE(console.contains("12"));
  EXPECT_FALSE(console.contains("first\r\nBooted")) << "a text is of one line";
  EXPECT_EQ(console.most_similar("Booted in 12 ms"), "Booted in 13 ms");
  EXPECT_EQ(console.most_similar("something else"), "");
}

} // namespace
} // namespace stable_text_test
} // namespace qt
