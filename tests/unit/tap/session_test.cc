#include "tap/session.hh"

#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tally_test {

using namespace qt;
using testing::ElementsAre;

Result result_of(Cause cause, const std::string& message, int milliseconds) {
  Result result;
  result.outcome.verdict.cause = cause;
  result.outcome.verdict.message = message;
  result.outcome.run_dir = "/dir/" + message;
  result.took = Duration(milliseconds);
  return result;
}

// Values of Wilson's interval as tables have them.
TEST(TallyTest, TheShareOfFailures) {
  const FailureRate none = failure_rate(0, 10);
  EXPECT_NEAR(none.low, 0, 1e-9);
  EXPECT_NEAR(none.high, 0.2775, 1e-4);
  const FailureRate half = failure_rate(5, 10);
  EXPECT_NEAR(half.low, 0.2366, 1e-4);
  EXPECT_NEAR(half.high, 0.7634, 1e-4);
  EXPECT_NEAR(failure_rate(10, 10).high, 1, 1e-9);
  EXPECT_NEAR(failure_rate(3, 400).high, 0.0218, 1e-4);
}

TEST(TallyTest, CountsEachCauseAndKeepsItsFirst) {
  Tally tally;
  tally.add(result_of(Cause::pass, "", 10));
  tally.add(result_of(Cause::timeout, "first", 30));
  tally.add(result_of(Cause::timeout, "second", 20));
  tally.add(result_of(Cause::host, "disk", 40));
  EXPECT_EQ(tally.runs(), 4U);
  EXPECT_EQ(tally.failed(), 3U);
  EXPECT_EQ(tally.failures().at(Cause::timeout).first.outcome.verdict.message, "first");
  EXPECT_THAT(tally.lines(),
              ElementsAre("failed 3 of 4 times: 75.00 %, with 95 % certainty 30.06 to 95.44 %",
                          "2 of them: timeout: first", "logs of the first: /dir/first",
                          "1 of them: host: disk", "logs of the first: /dir/disk",
                          "seconds: half of them at most 0.020, 95 % at most 0.040, all at most "
                          "0.040"));
}

TEST(TallyTest, ASkipIsNoRunThatPassed) {
  Tally tally;
  tally.add(result_of(Cause::skip, "no disk", 1));
  EXPECT_TRUE(tally.only_skipped());
  EXPECT_EQ(tally.why_skipped(), "no disk");
  tally.add(result_of(Cause::check, "1 of 2 checks failed", 1));
  EXPECT_FALSE(tally.only_skipped());
  EXPECT_EQ(tally.failed(), 1U);
  EXPECT_THAT(tally.lines()[0], testing::HasSubstr("failed 1 of 1 times"));
  EXPECT_THAT(tally.lines()[1], testing::HasSubstr("skipped 1 times: no disk"));
}

} // namespace tally_test

namespace qt {
namespace failure_report_test {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

Outcome failure(Cause cause, const std::string& message) {
  Outcome outcome;
  outcome.verdict.cause = cause;
  outcome.verdict.message = message;
  return outcome;
}

TEST(Report, TheCauseComesFirstAndTheCommandLast) {
  EXPECT_THAT(failure_lines("arm/x:y", failure(Cause::host, "no space"), "run me"),
              ElementsAre("arm/x:y: host: no space", "again: run me"));
}

TEST(Report, ShowsWhatWasAwaitedAndWhatCame) {
  Outcome outcome = failure(Cause::timeout, "late");
  outcome.verdict.step = "--wait login:";
  outcome.verdict.awaited = "login:";
  outcome.verdict.last_lines = {"a", "b"};
  const TempDir folder("report");
  outcome.run_dir = folder.path();
  write_file(folder.path() + "/console.log", "other\n");
  EXPECT_THAT(failure_lines("n", outcome, "c"),
              ElementsAre("n: timeout: late",
                          "step: --wait login:", "awaited: login:", "console, last lines:", "  | a",
                          "  | b", "logs: " + folder.path() + ": console.log", "again: c"));
}

TEST(Report, TheFirstLineHasAllOfTheLineThatFailed) {
  Outcome outcome = failure(Cause::fail_pattern, "the failure text 'panic' appeared");
  outcome.verdict.details["matched"] = "panic";
  const TempDir folder("report");
  outcome.log_dir = folder.path();
  write_file(folder.path() + "/console.log", "up\r\n[1.0] panic: no root\r\nend panic\r\n");
  const std::string line = "n: fail-pattern: the failure text 'panic' appeared";
  EXPECT_EQ(failure_lines("n", outcome, "c")[0], line + ": [1.0] panic: no root");
  write_file(folder.path() + "/console.log", "up\r\npanic\r\n");
  EXPECT_EQ(failure_lines("n", outcome, "c")[0], line);
}

TEST(Report, ReadsTheLogsWhereTheVerdictHasNothing) {
  Outcome outcome = failure(Cause::qemu_refused, "bad option");
  const TempDir folder("report");
  outcome.log_dir = folder.path();
  outcome.said = {"qt-boot: error: bad option"};
  write_file(folder.path() + "/console.log", "one\r\ntwo\n");
  write_file(folder.path() + "/default.log", "qemu: no such option\n");
  const std::vector<std::string> lines = failure_lines("n", outcome, "c");
  EXPECT_THAT(lines, Contains("  | two"));
  EXPECT_THAT(lines, Contains("  | qemu: no such option"));
  EXPECT_THAT(lines, Contains("  | qt-boot: error: bad option"));
}

TEST(Report, IsShortWhateverTheGuestWrites) {
  Outcome outcome = failure(Cause::qemu_crash, "SIGSEGV");
  const TempDir folder("report");
  outcome.log_dir = folder.path();
  std::string flood;
  for (int i = 0; i < 5000; ++i) {
    flood += std::string(2000, 'x') + "\n";
  }
  write_file(folder.path() + "/console.log", flood);
  write_file(folder.path() + "/default.log", flood);
  outcome.said.assign(40, std::string(4000, 'y'));
  const std::vector<std::string> lines = failure_lines("n", outcome, "c");
  EXPECT_LE(lines.size(), 60U);
  for (const std::string& line : lines) {
    EXPECT_LT(line.size(), 400U);
  }
}

} // namespace failure_report_test
} // namespace qt
