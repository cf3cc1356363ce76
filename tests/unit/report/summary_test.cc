#include "report/summary.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/file.hh"
#include "report/junit.hh"
#include "report/page.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace summary_test {

using namespace qt;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

SubtestResult result_of(const std::string& subtest, Cause cause, const std::string& message = "") {
  SubtestResult result;
  result.arch = "arm";
  result.file = "virt";
  result.subtest = subtest;
  result.name = "arm/virt:" + subtest;
  result.directory = "/nowhere/arm/virt." + subtest;
  result.verdict.cause = cause;
  result.verdict.message = message;
  return result;
}

TEST(Summary, TellsFailuresSkipsAndTimes) {
  std::vector<SubtestResult> results = {
      result_of("a", Cause::pass), result_of("b", Cause::timeout, "'login:' did not come"),
      result_of("c", Cause::skip, "needs gdb"), result_of("d", Cause::skip, "needs gdb")};
  results[0].verdict.seconds = 12.34;
  results[0].verdict.steps = {{"--wait x", 0, 2}, {"--wait y", 2, 10}};
  results[1].verdict.last_lines = {"Starting kernel"};
  const std::vector<std::string> lines = summary_lines(results);
  EXPECT_EQ(lines[0], "4 subtests: 1 passed, 1 failed, 2 skipped; 12.3 s in their dialogues");
  EXPECT_THAT(lines, Contains("FAILED arm/virt:b"));
  EXPECT_THAT(lines, Contains("  timeout: 'login:' did not come"));
  EXPECT_THAT(lines, Contains("  last line: Starting kernel"));
  EXPECT_THAT(lines, Contains("    2  needs gdb"));
  EXPECT_THAT(lines, Contains("       arm/virt:c, arm/virt:d"));
  EXPECT_THAT(lines, Contains("           10.0 s of it: --wait y"));
}

TEST(Summary, JsonLinesAreJson) {
  SubtestResult result = result_of("a", Cause::guest_panic, "line\n\"two\" \xff");
  const Json json = parse_json(dump_json(result_json(result)), "line");
  EXPECT_EQ(json.at("version"), 1);
  EXPECT_EQ(json.at("outcome"), "failed");
  EXPECT_EQ(json.at("cause"), "guest-panic");
  EXPECT_EQ(dump_json(result_json(result)).find('\n'), std::string::npos);
}

TEST(Summary, AnnotationsHoldWhatTheyQuote) {
  const std::vector<SubtestResult> results = {
      result_of("a", Cause::pass), result_of("b", Cause::assertion, "100%\n::warning::x")};
  EXPECT_THAT(github_annotations(results),
              ElementsAre(HasSubstr("::error file=,title=arm/virt%3Ab::")));
  EXPECT_THAT(github_annotations(results)[0], HasSubstr("100%25\\n%3A%3Awarning"));
  const std::vector<std::string> sections = gitlab_sections(results);
  EXPECT_THAT(sections[0], HasSubstr("section_start:0:qt_report_1[collapsed=true]"));
  EXPECT_THAT(sections.back(), HasSubstr("section_end:0:qt_report_1"));
}

TEST(Summary, WhatIsFlakyIsNoErrorButIsTold) {
  std::vector<SubtestResult> results = {result_of("a", Cause::pass),
                                        result_of("b", Cause::flaky, "failed 1 of 2 times")};
  results[1].verdict.tries = {{"try1", Cause::timeout, "'login:' did not come", 9}};
  EXPECT_THAT(github_annotations(results),
              ElementsAre("::warning file=,title=arm/virt%3Ab::flaky%3A failed 1 of 2 times"));
  EXPECT_THAT(gitlab_sections(results),
              ElementsAre(HasSubstr("arm/virt:b: flaky: failed 1 of 2 times"),
                          "try1: timeout: 9.0 s: 'login:' did not come",
                          "logs: /nowhere/arm/virt.b", HasSubstr("section_end")));
}

TEST(Summary, TellsWhatAPersonHadAHandIn) {
  std::vector<SubtestResult> results = {result_of("a", Cause::pass), result_of("b", Cause::pass)};
  results[1].verdict.touched = {{"step 3", 41}};
  EXPECT_THAT(summary_lines(results), Contains("  arm/virt:b: touched by hand at step 3"));
  EXPECT_EQ(result_json(results[1]).at("touched")[0].at("at"), "step 3");
  EXPECT_THAT(junit_xml(results), HasSubstr("<system-out>touched by hand at step 3</system-out>"));
  EXPECT_THAT(summary_lines(std::span(results).first(1)), Not(Contains(HasSubstr("by hand"))));
}

TEST(Summary, SkipsThatNobodyExpected) {
  const TempDir folder("summary-test-");
  const std::string list = folder.path() + "/list";
  const std::vector<SubtestResult> results = {
      result_of("a", Cause::pass), result_of("cpu[max]", Cause::skip, "no such processor"),
      result_of("net-1", Cause::skip, "no network"), result_of("vnc", Cause::skip, "no VNC")};
  write_file(list, "# what is known\narm/virt:cpu[max]  # old\n\narm/virt:net-*\n");
  EXPECT_THAT(unexpected_skips(results, list), ElementsAre(HasSubstr("arm/virt:vnc: skipped")));
  write_file(list, "*");
  EXPECT_THAT(unexpected_skips(results, list), IsEmpty());
  write_file(list, "");
  EXPECT_EQ(unexpected_skips(results, list).size(), 3u);
  EXPECT_THROW(unexpected_skips(results, folder.path() + "/none"), Error);
  // A subtest that may be skipped may be so in each repetition, with its checks.
  std::vector<SubtestResult> more = {results[3], results[3], results[3], results[0]};
  more[1].name = "arm/virt:vnc.2";
  more[1].first = "arm/virt:vnc";
  more[1].directory += ".2";
  more[2].name += "/check";
  more[3] = results[2];
  more[3].directory = results[0].directory;
  write_file(list, "arm/virt:vnc\n");
  EXPECT_THAT(unexpected_skips(more, list), ElementsAre(HasSubstr("arm/virt:net-1: skipped")));
}

TEST(Summary, DurationsOfWhatRan) {
  std::vector<SubtestResult> results = {result_of("a", Cause::pass), result_of("b", Cause::timeout),
                                        result_of("c", Cause::skip), result_of("d", Cause::pass),
                                        result_of("d", Cause::pass)};
  results[0].verdict.seconds = 1;
  results[1].verdict.seconds = 2.5;
  results[3].file = "long";
  results[3].verdict.seconds = 3.6;
  results[4].verdict.seconds = 0.05;
  results[4].directory = results[0].directory; // a check of it: its time is in that
  EXPECT_THAT(duration_lines(results), ElementsAre("arm/long 3.600", "arm/virt 3.500"));
  results.push_back(result_of("b.2", Cause::pass)); // of its repetitions the longest
  results[5].first = results[1].name;
  results[5].verdict.seconds = 2.7;
  EXPECT_THAT(duration_lines(results), ElementsAre("arm/virt 3.700", "arm/long 3.600"));
}

// Whatever a guest prints: markup, characters that XML cannot hold, the end of a section.
const std::string k_hostile =
    "]]></failure><script>alert(1)</script><!-- & \" ' \x1b[31m \xef\xbf\xbf"
    " \x01 \xff @TITLE@";

TEST(Junit, HoldsWhateverAGuestPrints) {
  std::vector<SubtestResult> results = {result_of("a<\"&>", Cause::pass),
                                        result_of("b", Cause::fail_pattern, k_hostile),
                                        result_of("c", Cause::skip, k_hostile)};
  results[1].verdict.last_lines = {k_hostile, "second"};
  results[1].verdict.seconds = 1.5;
  const std::string xml = junit_xml(results);
  EXPECT_THAT(xml, HasSubstr("<testsuites tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" "
                             "time=\"1.500\">"));
  EXPECT_THAT(xml, HasSubstr("name=\"a&lt;&quot;&amp;&gt;\" time=\"0.000\"/>"));
  EXPECT_THAT(xml, HasSubstr("<failure type=\"fail-pattern\" message=\"fail-pattern: ]]&gt;&lt;/"));
  EXPECT_THAT(xml, HasSubstr("\nsecond\n</failure>"));
  for (const std::string_view unfit : {"<script", "]]>", "\x1b", "\x01", "\xef\xbf\xbf", "\xff"}) {
    EXPECT_THAT(xml, Not(HasSubstr(unfit)));
  }
}

TEST(Page, HoldsWhateverAGuestPrints) {
  const TempDir folder("page-test-");
  SubtestResult result = result_of("b", Cause::fail_pattern, k_hostile);
  result.directory = folder.path();
  result.verdict.last_lines = {k_hostile};
  write_file(folder.path() + "/console.log", k_hostile + "</script>");
  write_file(folder.path() + "/dialogue.log", std::string(200'000, 'a') + "the end");
  make_directories(folder.path() + "/phase2");
  write_file(folder.path() + "/phase2/console.log", "of the second phase");
  write_file(folder.path() + "/default.screen.png", "\x89PNG");
  const std::vector<SubtestResult> results = {result};
  const std::string page = html_page(results, "<b> & \"co\"");
  EXPECT_THAT(page, HasSubstr("<title>&lt;b&gt; &amp; &quot;co&quot;</title>"));
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, HasSubstr("\\u003cscript>alert"));
  EXPECT_THAT(page, HasSubstr("are left out here; the whole is in "));
  EXPECT_THAT(page, HasSubstr("the end"));
  EXPECT_LT(page.size(), 200'000u);
  EXPECT_THAT(page, Not(HasSubstr("src="))) << "nothing is loaded";
  EXPECT_THAT(page, Not(HasSubstr("href=")));
  // What is in the page for the program is what was put in.
  const std::string begin = "id=\"results\">";
  const std::size_t from = page.find(begin) + begin.size();
  const std::string data = page.substr(from, page.find("</script>", from) - from);
  const Json json = parse_json(data, "page");
  ASSERT_EQ(json.size(), 1u);
  EXPECT_THAT(json[0].at("logs").at("console.log").get<std::string>(),
              HasSubstr("<script>alert(1)</script>"));
  EXPECT_EQ(json[0].at("logs").at("phase2/console.log"), "of the second phase");
  EXPECT_EQ(json[0].at("pictures").at("default.screen.png"), "data:image/png;base64,iVBORw==");
}

} // namespace summary_test
