#include "expect/timeline.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace timeline_test {

using namespace qt;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

TEST(Timeline, HasEveryStepInOrder) {
  Timeline timeline;
  timeline.begin_step("--wait a");
  timeline.begin_step("--wait b");
  Verdict verdict;
  timeline.put_into(verdict);
  ASSERT_EQ(verdict.steps.size(), 2u);
  EXPECT_EQ(verdict.steps[1].step, "--wait b");
  EXPECT_GE(verdict.steps[1].start, verdict.steps[0].start + verdict.steps[0].seconds);
  EXPECT_GE(verdict.seconds, verdict.steps[1].start + verdict.steps[1].seconds);
  EXPECT_THAT(verdict.start, MatchesRegex("20..-..-..T..:..:..\\....Z"));
  EXPECT_LE(verdict.start, verdict.end);
}

TEST(Timeline, APersonsTimeIsNoneOfTheDialogues) {
  Timeline timeline;
  timeline.begin_step("--wait a");
  timeline.end_step();
  timeline.leave_out(1h);
  timeline.begin_step("--wait b");
  Verdict verdict;
  timeline.put_into(verdict);
  EXPECT_LT(verdict.seconds, 0.0); // of an hour that has not passed here
}

TEST(Timeline, AStageBeginsAtTheMarkBefore) {
  Timeline timeline;
  EXPECT_EQ(timeline.mark("firmware", std::nullopt), "");
  EXPECT_EQ(timeline.mark("kernel", 1h), "");
  EXPECT_THAT(timeline.mark("login", 0ms),
              AllOf(HasSubstr("'login' came after"), HasSubstr("its budget is 0 s")));
  Verdict verdict;
  timeline.put_into(verdict);
  ASSERT_EQ(verdict.marks.size(), 3u);
  EXPECT_DOUBLE_EQ(verdict.marks[1].seconds, verdict.marks[1].at - verdict.marks[0].at);
  EXPECT_FALSE(verdict.marks[1].is_late());
  EXPECT_TRUE(verdict.marks[2].is_late());
}

} // namespace timeline_test
