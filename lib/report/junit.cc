#include "report/junit.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <algorithm>
#include <map>

namespace qt {

namespace {

// Of text and of attributes in double quotes.
std::string escaped(std::string_view text) {
  std::string xml;
  for (const char letter : escape_for_display(text)) {
    switch (letter) {
    case '&':
      xml += "&amp;";
      break;
    case '<':
      xml += "&lt;";
      break;
    case '>':
      xml += "&gt;";
      break; // "]]>" must not stand in text
    case '"':
      xml += "&quot;";
      break;
    default:
      xml += letter;
    }
  }
  return xml;
}

std::string lines_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += escaped(line) + "\n";
  }
  return text;
}

std::string attachments(const SubtestResult& result) {
  std::error_code error;
  std::vector<std::string> names = names_in(result.directory, error);
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) {
    if (name.ends_with(".log") || name == "verdict.json") {
      text += escaped(format("[[ATTACHMENT|{}/{}]]", result.directory, name)) + "\n";
    }
  }
  return text;
}

std::string test_case(const SubtestResult& result) {
  const Verdict& verdict = result.verdict;
  std::string xml =
      format("    <testcase classname=\"{}/{}\" name=\"{}\" time=\"{:.3f}\"", escaped(result.arch),
             escaped(result.file), escaped(result.subtest), verdict.seconds);
  if (!result.definition.empty()) {
    xml += format(" file=\"{}\"", escaped(result.definition));
  }
  if (result.flaky()) {
    return xml + format(">\n      <flakyFailure type=\"flaky\" message=\"{}\"/>\n    </testcase>\n",
                        escaped(verdict.message));
  }
  if (result.passed()) {
    return xml + "/>\n";
  }
  if (result.skipped()) {
    return xml + format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                        escaped(reason_of(result)));
  }
  return xml + format(">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n"
                      "      <system-out>{}</system-out>\n    </testcase>\n",
                      cause_name(verdict.cause), escaped(reason_of(result)),
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
    xml += format("  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n", escaped(arch), suite.counts(),
                  suite.cases);
  }
  return xml + "</testsuites>\n";
}

} // namespace qt
