#include "tap/failure_report.hh"

#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
