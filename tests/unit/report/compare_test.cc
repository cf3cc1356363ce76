#include "report/compare.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace compare_test {

using namespace qt;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

SubtestResult run_of(const std::string& name, Cause cause, double seconds = 0,
                     const std::string& message = "") {
  SubtestResult result;
  result.name = name;
  result.verdict.cause = cause;
  result.verdict.message = message;
  result.verdict.seconds = seconds;
  return result;
}

std::vector<std::string> names(const std::vector<Change>& changes) {
  std::vector<std::string> list;
  for (const Change& change : changes) {
    list.push_back(std::string(change_name(change.kind)) + " " + change.name);
  }
  return list;
}

TEST(Compare, EveryChangeOfAnOutcome) {
  const std::vector<SubtestResult> before = {
      run_of("a", Cause::pass), run_of("b", Cause::pass),    run_of("c", Cause::pass),
      run_of("d", Cause::skip), run_of("e", Cause::timeout), run_of("f", Cause::skip),
      run_of("g", Cause::pass), run_of("h", Cause::timeout), run_of("i", Cause::timeout)};
  const std::vector<SubtestResult> after = {
      run_of("a", Cause::pass), run_of("b", Cause::guest_panic, 0, "it died"),
      run_of("c", Cause::skip), run_of("d", Cause::pass),
      run_of("e", Cause::pass), run_of("f", Cause::timeout),
      run_of("h", Cause::skip), run_of("i", Cause::guest_panic),
      run_of("j", Cause::pass), run_of("k", Cause::timeout)};
  const std::vector<Change> changes = compare(before, after);
  EXPECT_THAT(names(changes), ElementsAre("newly failed b", "newly failed f", "newly failed k",
                                          "newly skipped c", "newly skipped h", "gone g", "fixed e",
                                          "no longer skipped d", "appeared j"));
  EXPECT_EQ(changes[0].what, "passed → failed: guest-panic: it died");
  EXPECT_TRUE(changes[5].is_worse());
  EXPECT_FALSE(changes[6].is_worse());
  const std::vector<std::string> lines = change_lines(changes);
  EXPECT_EQ(lines[0], "newly failed: 3");
  EXPECT_THAT(lines, Contains("  c: passed → skipped: skip"));
  EXPECT_THAT(change_json(changes[3]), HasSubstr("\"change\":\"newly-skipped\""));
  EXPECT_THAT(compare(before, before), IsEmpty());
  EXPECT_THAT(change_lines({}), ElementsAre("nothing has changed"));
}

SubtestResult again(SubtestResult result, const std::string& first) {
  result.first = first;
  return result;
}

TEST(Compare, OfRepetitionsTheWorstCounts) {
  const std::vector<SubtestResult> good = {run_of("x:t", Cause::pass),
                                           again(run_of("x:t.2", Cause::pass), "x:t"),
                                           again(run_of("x:t.3", Cause::pass), "x:t")};
  const std::vector<SubtestResult> bad = {run_of("x:t", Cause::pass),
                                          again(run_of("x:t.2", Cause::timeout, 0, "late"), "x:t")};
  EXPECT_THAT(compare(good, std::span(good).first(1)), IsEmpty()) << "fewer of them";
  EXPECT_THAT(compare(std::span(good).first(1), good), IsEmpty()) << "more of them";
  EXPECT_THAT(names(compare(good, bad)), ElementsAre("newly failed x:t"));
  EXPECT_THAT(names(compare(bad, good)), ElementsAre("fixed x:t"));
}

TEST(Compare, TimesBeyondWhatRepetitionsVary) {
  const auto runs = [](double one, double two, double three) {
    return std::vector<SubtestResult>{run_of("x:t", Cause::pass, one),
                                      again(run_of("x:t.2", Cause::pass, two), "x:t"),
                                      again(run_of("x:t.3", Cause::pass, three), "x:t")};
  };
  EXPECT_THAT(names(compare(runs(1, 1.1, 1.2), runs(2, 2.1, 2.2))), ElementsAre("slower x:t"));
  EXPECT_THAT(names(compare(runs(2, 2.1, 2.2), runs(1, 1.1, 1.2))), ElementsAre("faster x:t"));
  EXPECT_THAT(compare(runs(1, 1.5, 2), runs(1.8, 2, 2.4)), IsEmpty()) << "they overlap";
  EXPECT_THAT(compare(runs(1, 1.1, 2), runs(2.1, 2.2, 2.9)), IsEmpty()) << "both vary by more";
}

TEST(Compare, OneTimeOfEachIsNotMuch) {
  std::vector<SubtestResult> before = {run_of("x:t", Cause::pass, 2)};
  std::vector<SubtestResult> after = {run_of("x:t", Cause::pass, 2.9)};
  EXPECT_THAT(compare(before, after), IsEmpty());
  after[0].verdict.seconds = 3.1;
  EXPECT_THAT(names(compare(before, after)), ElementsAre("slower x:t"));
  before[0].verdict.marks = {{"kernel", 1, 1, std::nullopt}};
  after[0].verdict = before[0].verdict;
  after[0].verdict.marks[0].seconds = 9;
  const std::vector<Change> changes = compare(before, after);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].what, "mark kernel: 1.0 s → 9.0 s");
  after[0].verdict.cause = Cause::timeout;
  EXPECT_THAT(names(compare(before, after)), ElementsAre("newly failed x:t"))
      << "the time of a failure is none";
}

// A name may end in a number of its own.
TEST(Compare, ARepetitionHasAFirstRun) {
  const std::vector<SubtestResult> before = {run_of("x:kernel-6.12", Cause::pass, 1)};
  const std::vector<SubtestResult> after = {run_of("x:kernel-6.12", Cause::pass, 5)};
  EXPECT_THAT(names(compare(before, after)), ElementsAre("slower x:kernel-6.12"));
}

} // namespace compare_test
