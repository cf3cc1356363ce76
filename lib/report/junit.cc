#include "report/junit.hh"

#include "base/format.hh"
#include "report/markup.hh"

#include <map>

namespace qt {

namespace {

std::string lines_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += fit_for_markup(line) + "\n";
  }
  return text;
}

std::string attachments(const SubtestResult& result) {
  std::vector<std::string> names = run_logs(result);
  names.emplace_back("verdict.json");
  std::string text;
  for (const std::string& name : names) {
    text += fit_for_markup(format("[[ATTACHMENT|{}/{}]]", result.directory, name)) + "\n";
  }
  return text;
}

std::string test_case(const SubtestResult& result) {
  const Verdict& verdict = result.verdict;
  std::string xml = format("    <testcase classname=\"{}/{}\" name=\"{}\" time=\"{:.3f}\"",
                           fit_for_markup(result.arch), fit_for_markup(result.file),
                           fit_for_markup(result.subtest), verdict.seconds);
  if (!result.definition.empty()) {
    xml += format(" file=\"{}\"", fit_for_markup(result.definition));
  }
  if (result.flaky()) {
    return xml + format(">\n      <flakyFailure type=\"flaky\" message=\"{}\"/>\n    </testcase>\n",
                        fit_for_markup(verdict.message));
  }
  if (result.passed() && !verdict.touched.empty()) {
    return xml + format(">\n      <system-out>{}</system-out>\n    </testcase>\n",
                        fit_for_markup(touched_text(verdict)));
  }
  if (result.passed()) {
    return xml + "/>\n";
  }
  if (result.skipped()) {
    return xml + format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                        fit_for_markup(reason_of(result)));
  }
  return xml + format(">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n"
                      "      <system-out>{}</system-out>\n    </testcase>\n",
                      cause_name(verdict.cause), fit_for_markup(reason_of(result)),
                      lines_of(verdict.last_lines), attachments(result));
}

struct Suite {
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t skipped = 0;
  double seconds = 0;
  std::string cases;

  void add(const SubtestResult& result) {
    ++tests;
    failures += result.failed() ? 1 : 0;
    skipped += result.skipped() ? 1 : 0;
    seconds += result.verdict.seconds;
  }
  std::string counts() const {
    return format("tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3f}\"", tests,
                  failures, skipped, seconds);
  }
};

} // namespace

std::string junit_xml(std::span<const SubtestResult> results) {
  Suite all;
  std::map<std::string, Suite> suites;
  for (const SubtestResult& result : results) {
    Suite& suite = suites[result.arch];
    suite.add(result);
    suite.cases += test_case(result);
    all.add(result);
  }
  std::string xml =
      format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n", all.counts());
  for (const auto& [arch, suite] : suites) {
    xml += format("  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n", fit_for_markup(arch),
                  suite.counts(), suite.cases);
  }
  return xml + "</testsuites>\n";
}

} // namespace qt
