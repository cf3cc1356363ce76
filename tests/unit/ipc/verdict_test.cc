#include "ipc/verdict.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "os/file.hh"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace verdict_test {

using namespace qt;

TEST(Verdict, ReadsBack) {
  const TempDir folder("verdict-test-");
  EXPECT_FALSE(read_verdict(folder.path()));
  Verdict verdict;
  verdict.cause = Cause::fail_pattern;
  verdict.message = "message";
  verdict.awaited = "login:";
  verdict.last_lines = {"one", "two \xff"};
  verdict.judged_exits = {{"default", "exited 42"}};
  verdict.details = {{"n", 1}};
  verdict.start = "2026-01-31T12:00:00.123Z";
  verdict.seconds = 3.4567;
  verdict.steps = {{"--wait x", 0.1, 3.3}};
  verdict.marks = {{"firmware", 1, 1, std::nullopt}, {"kernel", 3.4, 2.4, 2}};
  verdict.saved = {{"any", std::string("\xff\0\n\\é", 6)}};
  write_verdict(folder.path(), verdict);
  const auto read = read_verdict(folder.path());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->cause, Cause::fail_pattern);
  EXPECT_EQ(read->awaited, "login:");
  EXPECT_EQ(read->last_lines[1], "two \xef\xbf\xbd") << "a JSON text cannot hold any byte";
  EXPECT_EQ(read->judged_exits.at("default"), "exited 42");
  EXPECT_EQ(read->details.at("n"), 1);
  EXPECT_EQ(read->start, verdict.start);
  EXPECT_DOUBLE_EQ(read->seconds, 3.457);
  ASSERT_EQ(read->steps.size(), 1u);
  EXPECT_EQ(read->steps[0].step, "--wait x");
  EXPECT_DOUBLE_EQ(read->steps[0].seconds, 3.3);
  ASSERT_EQ(read->marks.size(), 2u);
  EXPECT_FALSE(read->marks[0].budget);
  EXPECT_TRUE(read->marks[1].is_late());
  EXPECT_EQ(read->saved, verdict.saved) << "byte for byte";
}

// What a command printed may be a URL; what a step saved is for steps that are still to come.
// On a full disk, for example: the pass of a stage is not how the test ended.
TEST(Verdict, NothingStaysWhereItCannotBeWritten) {
  const TempDir folder("verdict-test-");
  Verdict verdict;
  write_verdict(folder.path(), verdict);
  rlimit before = {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit nothing = {0, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &nothing);
  verdict.cause = Cause::host;
  EXPECT_THROW(write_verdict(folder.path(), verdict), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_FALSE(read_verdict(folder.path()));
}

TEST(Verdict, KeepsWhereAPersonHadAHand) {
  const TempDir folder("verdict-test-");
  Verdict verdict;
  verdict.touched = {{"step 3", 41.2}, {"the end", 0}};
  write_verdict(folder.path(), verdict);
  const std::optional<Verdict> read = read_verdict(folder.path());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(touched_text(*read), "touched by hand at step 3, the end");
  EXPECT_EQ(read->touched.at(0).seconds, 41.2);
  // A check of a run that was touched has not passed by itself either.
  EXPECT_EQ(verdict_of_check(*read, {}).touched.size(), 2U);
  EXPECT_EQ(touched_text({}), "");
}

TEST(Verdict, KeepsChecksAndTellsWhichWereNotReached) {
  const TempDir folder("verdict-test-");
  Verdict verdict;
  verdict.cause = Cause::guest_panic;
  verdict.checks.push_back({"a", Cause::assertion, "no", "--qmp x", "text", {"line"}, 1.5, 0.25});
  complete_checks(verdict, {"a", "b"});
  write_verdict(folder.path(), verdict);
  const Verdict read = read_verdict(folder.path()).value_or(Verdict());
  ASSERT_EQ(read.checks.size(), 2U);
  EXPECT_EQ(read.checks[0].cause, Cause::assertion);
  EXPECT_EQ(read.checks[0].message, "no");
  EXPECT_EQ(read.checks[0].step, "--qmp x");
  EXPECT_EQ(read.checks[0].awaited, "text");
  EXPECT_EQ(read.checks[0].last_lines, std::vector<std::string>{"line"});
  EXPECT_EQ(read.checks[0].start, 1.5);
  EXPECT_EQ(read.checks[0].seconds, 0.25);
  EXPECT_EQ(read.checks[1].cause, Cause::guest_panic);
  EXPECT_EQ(read.checks[1].message, "not reached: guest-panic");

  // A run that passed and has no result of a check has lost it.
  Verdict lost;
  complete_checks(lost, {"c"});
  EXPECT_EQ(lost.checks.at(0).cause, Cause::host);
}

TEST(Verdict, KeepsWhatAGuestExpectsToFail) {
  const TempDir folder("verdict");
  Verdict verdict;
  verdict.checks.push_back({"a", Cause::pass, "", "", "", {}, 0, 0, "bug 7"});
  verdict.checks.push_back({"b", Cause::pass, "", "", "", {}, 0, 0});
  write_verdict(folder.path(), verdict);
  const std::optional<Verdict> read = read_verdict(folder.path());
  ASSERT_TRUE(read && read->checks.size() == 2);
  EXPECT_EQ(read->checks[0].expected, "bug 7");
  EXPECT_FALSE(read->checks[1].expected);
}

TEST(UniqueNames, GivesEachNameOnce) {
  UniqueNames names;
  EXPECT_EQ(names.take("a"), "a");
  EXPECT_EQ(names.take("a (2)"), "a (2)");
  EXPECT_EQ(names.take("a"), "a (3)");
  EXPECT_EQ(names.take("a"), "a (4)");
  EXPECT_EQ(names.take("a (2)"), "a (2) (2)");
  std::string last;
  for (int i = 0; i < 10'000; ++i) { // takes no time
    last = names.take("b");
  }
  EXPECT_EQ(last, "b (10000)");
}

TEST(Verdict, TellsNoSecret) {
  const TempDir folder("verdict-test-");
  const std::string text = "of 'http://me:s3cret@host/?token=s3cret\"'";
  Verdict verdict;
  verdict.message = verdict.step = verdict.awaited = text;
  verdict.last_lines = {text};
  verdict.steps = {{text, 0, 0}};
  verdict.details = {{"stdout", {text}}};
  write_verdict(folder.path(), verdict);
  EXPECT_EQ(read_file(folder.path() + "/verdict.json").find("s3cret"), std::string::npos);
  const auto read = read_verdict(folder.path());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->message, "of 'http://host/?token=***\"'");
  verdict.saved = {{"url", text}};
  write_verdict(folder.path(), verdict);
  EXPECT_EQ(read_verdict(folder.path())->saved, verdict.saved);
}

// Every byte that a console can bring, in every place where it can get to.
TEST(Verdict, IsValidWhateverTheGuestPrinted) {
  const TempDir folder("verdict-test-");
  std::string hostile = "\"}\\ \xed\xa0\x80 \xf8\x88 \xc3";
  for (int byte = 0; byte < 256; ++byte) {
    hostile += static_cast<char>(byte);
  }
  Verdict verdict;
  verdict.message = verdict.vm = verdict.step = verdict.awaited = verdict.start = hostile;
  verdict.last_lines = {hostile, hostile.substr(9)};
  verdict.steps = {{hostile, 0, 0}};
  verdict.marks = {{hostile, 0, 0, 1}};
  verdict.saved = verdict.judged_exits = {{hostile, hostile}};
  verdict.details = {{hostile, {hostile}}};
  write_verdict(folder.path(), verdict);
  const std::string text = read_file(folder.path() + "/verdict.json");
  const Json json = parse_json(text, "verdict.json"); // refuses what is not UTF-8
  EXPECT_EQ(json.at("cause"), "pass");
  EXPECT_EQ(text.find('\0'), std::string::npos);
  ASSERT_TRUE(read_verdict(folder.path()));
  EXPECT_EQ(read_verdict(folder.path())->saved.begin()->second, hostile);
}

TEST(Verdict, SaysMarksForPeople) {
  EXPECT_EQ(marks_text({{"firmware", 0.85, 0.85, std::nullopt},
                        {"kernel", 4.25, 3.4, 20},
                        {"login", 13.3, 9.04, 2.5}}),
            "firmware 850 ms, kernel 3.4 s (budget 20 s), login 9.0 s (over its budget of 2.5 s)");
}

TEST(Verdict, BrokenIsNone) {
  const TempDir folder("verdict-test-");
  for (const char* broken :
       {"", "{", "[]", R"({"cause": "unheard-of"})", R"({"cause": 1})", R"({"cause": "check"})",
        R"({"cause": "check", "checks": [{"name": "a", "cause": "pass"}]})"}) {
    write_file(folder.path() + "/verdict.json", broken);
    EXPECT_FALSE(read_verdict(folder.path())) << broken;
  }
  for (const char* const cause : {"unheard-of", "check"}) {
    write_file(folder.path() + "/verdict.json",
               format(R"({{"cause": "pass", "checks": [{{"name": "a", "cause": "{}"}}]}})", cause));
    EXPECT_EQ(read_verdict(folder.path()).value().checks.at(0).cause, Cause::host) << cause;
  }
}

TEST(Verdict, CauseNamesReadBack) {
  for (int i = 0; i <= static_cast<int>(Cause::host); ++i) {
    const Cause cause = static_cast<Cause>(i);
    EXPECT_EQ(cause_from(cause_name(cause)), cause);
  }
}

} // namespace verdict_test
