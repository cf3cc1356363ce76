#include "tap/runner.hh"

#include "os/file.hh"
#include "tap/stage.hh"

#include <gmock/gmock.h>

namespace runner_test {

using namespace qt;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

Verdict with_check(Verdict verdict, Cause cause, const std::string& message = "") {
  CheckResult check;
  check.name = "named";
  check.cause = cause;
  check.message = message;
  verdict.checks.push_back(check);
  return verdict;
}

TEST(TriesTest, OnlyWhatCanBeTheHostsFault) {
  for (const Cause cause : {Cause::timeout, Cause::idle_timeout, Cause::host, Cause::asset}) {
    EXPECT_TRUE(asks_for_retry(verdict_of(cause, ""), Retried::hosts_causes)) << cause_name(cause);
  }
  for (const Cause cause : {Cause::assertion, Cause::fail_pattern, Cause::guest_panic,
                            Cause::guest_reset, Cause::qemu_crash, Cause::qemu_exit,
                            Cause::qemu_refused, Cause::console_eof, Cause::flood}) {
    EXPECT_FALSE(asks_for_retry(verdict_of(cause, ""), Retried::hosts_causes)) << cause_name(cause);
    EXPECT_TRUE(asks_for_retry(verdict_of(cause, ""), Retried::all)) << cause_name(cause);
  }
  for (const Cause cause : {Cause::pass, Cause::skip, Cause::flaky}) {
    EXPECT_FALSE(asks_for_retry(verdict_of(cause, ""), Retried::all)) << cause_name(cause);
  }
}

TEST(TriesTest, AFailedCheckCountsLikeTheWhole) {
  const Verdict whole = verdict_of(Cause::check, "");
  EXPECT_TRUE(asks_for_retry(with_check(whole, Cause::timeout), Retried::hosts_causes));
  EXPECT_FALSE(asks_for_retry(with_check(whole, Cause::assertion), Retried::hosts_causes));
  EXPECT_TRUE(asks_for_retry(with_check(whole, Cause::assertion), Retried::all));
  // What the test found wrong is not hidden by a time-out after it.
  const Verdict late = verdict_of(Cause::timeout, "");
  EXPECT_FALSE(asks_for_retry(with_check(late, Cause::assertion), Retried::hosts_causes));
}

TEST(TriesTest, APassAfterAFailureIsFlaky) {
  const std::vector<Verdict> tries = {with_check(verdict_of(Cause::timeout, "late"), Cause::pass),
                                      with_check(verdict_of(Cause::host, "full"), Cause::host, "x"),
                                      with_check(verdict_of(Cause::pass, ""), Cause::pass)};
  Verdict verdict = tries.back();
  note_tries(verdict, tries);
  EXPECT_EQ(verdict.cause, Cause::flaky);
  EXPECT_EQ(verdict.message, "passed in try 3; try 2: host: full");
  EXPECT_EQ(verdict.checks[0].cause, Cause::flaky);
  EXPECT_EQ(verdict.checks[0].message, "passed in try 3; try 2: host: x");
  ASSERT_EQ(verdict.tries.size(), 2U);
  EXPECT_EQ(verdict.tries[0].directory, "try1");
  EXPECT_EQ(verdict.tries[0].cause, Cause::timeout);
  EXPECT_EQ(verdict.tries[1].message, "full");

  Verdict first = tries[2];
  note_tries(first, std::span(tries).last(1));
  EXPECT_EQ(first.cause, Cause::pass) << "in the only try";
}

TEST(TriesTest, AFailureSaysHowManyTriesFailed) {
  const std::vector<Verdict> tries = {
      with_check(verdict_of(Cause::timeout, "late"), Cause::pass),
      with_check(verdict_of(Cause::timeout, "late again"), Cause::timeout, "slow")};
  Verdict verdict = tries.back();
  note_tries(verdict, tries);
  EXPECT_EQ(verdict.cause, Cause::timeout);
  EXPECT_EQ(verdict.message, "late again; failed in each of 2 tries");
  EXPECT_EQ(verdict.checks[0].message, "slow; failed in 1 of 2 tries");
}

TEST(TriesTest, ACheckThatWasNotReachedBeforeIsFlaky) {
  const std::vector<Verdict> tries = {
      verdict_of(Cause::timeout, "late"),
      with_check(with_check(verdict_of(Cause::check, ""), Cause::pass), Cause::timeout, "slow")};
  Verdict verdict = tries.back();
  verdict.checks[1].name = "other";
  note_tries(verdict, tries);
  EXPECT_EQ(verdict.cause, Cause::check) << "its checks tell";
  EXPECT_EQ(verdict.checks[0].message, "passed in try 2; try 1: timeout: late");
  EXPECT_EQ(verdict.checks[1].cause, Cause::timeout);
}

TEST(TriesTest, ASkipHidesNoFailure) {
  const std::vector<Verdict> tries = {verdict_of(Cause::timeout, "late"),
                                      verdict_of(Cause::skip, "no emulator")};
  Verdict verdict = tries.back();
  note_tries(verdict, tries);
  EXPECT_EQ(verdict.cause, Cause::timeout);
  EXPECT_EQ(verdict.message, "late; when it was to run again, it was skipped: no emulator");
}

TEST(TriesTest, ACheckThatIsSkippedKeepsItsFailure) {
  const Verdict failed = with_check(verdict_of(Cause::check, ""), Cause::timeout, "slow");
  const Verdict skipped = with_check(verdict_of(Cause::pass, "passed"), Cause::skip, "absent");
  const Verdict passed = with_check(verdict_of(Cause::pass, "passed"), Cause::pass);
  const auto last = [](const std::vector<Verdict>& tries) {
    Verdict verdict = tries.back();
    note_tries(verdict, tries);
    return verdict;
  };
  for (const std::vector<Verdict>& tries :
       {std::vector{failed, skipped}, std::vector{failed, skipped, skipped}}) {
    const Verdict verdict = last(tries);
    EXPECT_EQ(verdict.checks[0].cause, Cause::timeout);
    EXPECT_EQ(verdict.checks[0].message, "slow; when it was to run again, it was skipped: absent");
    EXPECT_EQ(verdict.cause, Cause::check);
    EXPECT_EQ(verdict.message, "1 of 1 checks failed: 'named'");
  }
  EXPECT_EQ(last({failed, passed, skipped}).checks[0].cause, Cause::flaky);
  EXPECT_EQ(last({passed, skipped}).checks[0].cause, Cause::skip);
  // It was not reached before: that is no failure of its own, but one of the whole.
  const Verdict rest = last({verdict_of(Cause::timeout, "late"), skipped});
  EXPECT_EQ(rest.checks[0].cause, Cause::skip);
  EXPECT_EQ(rest.cause, Cause::flaky);
  const Verdict both =
      last({with_check(verdict_of(Cause::timeout, "late"), Cause::host, "x"), skipped});
  EXPECT_EQ(both.cause, Cause::check);
  EXPECT_EQ(both.message,
            "1 of 1 checks failed: 'named'; the rest passed in try 2; try 1: timeout: late");
}

TEST(TriesTest, TheLogsOfEachTryStay) {
  const TempDir folder("tries-test");
  const auto names = [&folder](const std::string& part) {
    std::error_code error;
    return names_in(folder.path() + part, error);
  };
  write_file(folder.path() + "/base.log", "one");
  make_directories(folder.path() + "/phase1");
  set_try_aside(folder.path(), 1);
  EXPECT_THAT(names(""), ElementsAre("try1"));
  write_file(folder.path() + "/base.log", "two");
  set_try_aside(folder.path(), 2);
  EXPECT_THAT(names(""), UnorderedElementsAre("try1", "try2"));
  EXPECT_THAT(names("/try1"), UnorderedElementsAre("base.log", "phase1"));
  EXPECT_EQ(read_file(folder.path() + "/try2/base.log"), "two");
}

} // namespace runner_test
