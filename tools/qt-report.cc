// qt-report: what runs of qt-tap came to, from the run directories that they left.
#include "base/error.hh"
#include "base/text.hh"
#include "cli/cli.hh"
#include "os/file.hh"
#include "report/bundle.hh"
#include "report/compare.hh"
#include "report/junit.hh"
#include "report/page.hh"
#include "report/summary.hh"

#include <algorithm>

namespace {

using namespace qt;

struct Options {
  bool json = false;
  bool compare = false;
  bool github = false;
  bool gitlab = false;
  std::optional<std::string> html;
  std::optional<std::string> junit;
  std::optional<std::string> durations;
  std::optional<std::string> bundle;
  std::optional<std::string> expect_skips;
  std::vector<std::string> operands;
};

CommandLine command_line(Options& options) {
  CommandLine line(
      "[OPTION]... DIR...\n       qt-report --compare [--json] [--html FILE] BEFORE AFTER",
      "Say what the tests came to whose results are in the folders DIR: those of one\n"
      "build, of all slices of a run, or of an unpacked archive of them. Fails if one\n"
      "of them failed.");
  line.group("What to print (without any: a summary for people)")
      .flag("json", "a JSON object for each subtest, or change, one a line", options.json)
      .flag("compare", "what is different in the folder AFTER from the folder BEFORE",
            options.compare)
      .flag("github", "failures, and what is flaky, as annotations of a GitHub workflow",
            options.github)
      .flag("gitlab", "failures, and what is flaky, as folded sections of a GitLab job's log",
            options.gitlab)
      .group("What to write")
      .option("html", "FILE",
              "one page with all results, consoles and dialogues; with --compare: with all changes",
              options.html)
      .option("junit", "FILE", "JUnit's XML, for CI services", options.junit)
      .option("durations", "FILE",
              "the seconds of each definition, the longest first, from which Meson can make the "
              "order of tests",
              options.durations)
      .option("bundle", "FILE.tar.zst",
              "logs of what failed or is flaky, with the summary, for a bug report", options.bundle)
      .group("What to judge")
      .option("expect-skips", "FILE",
              "fail if a subtest was skipped that is not on the list FILE, a name or a pattern a "
              "line",
              options.expect_skips)
      .operands(options.operands)
      .example("qt-report build/tests/functional")
      .example("qt-report --html report.html --junit junit.xml build/tests/functional")
      .example("qt-report --bundle failures.tar.zst build/tests/functional")
      .example("qt-report --compare old-qemu new-qemu")
      .exit_codes("0 nothing failed · 1 something failed, or is worse than before · 2 usage, or\n"
                  "no results · 99 another failure");
  return line;
}

void write_whole(const std::string& path, const std::string& content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

void print(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    print_line(line);
  }
}

ExitCode report_changes(const Options& options) {
  if (options.operands.size() != 2 || options.junit || options.durations || options.bundle ||
      options.expect_skips || options.github || options.gitlab) {
    throw Error("--compare takes two folders, BEFORE and AFTER, and beside it only --json and "
                "--html",
                ExitCode::usage);
  }
  const std::vector<SubtestResult> before = read_results(std::span(options.operands).first(1));
  const std::vector<SubtestResult> after = read_results(std::span(options.operands).last(1));
  const std::vector<Change> changes = compare(before, after);
  if (options.html) {
    write_whole(*options.html, html_comparison(before, after, changes,
                                               format("before: {} · after: {}", counts_text(before),
                                                      counts_text(after))));
  }
  if (options.json) {
    for (const Change& change : changes) {
      print_line(change_json(change));
    }
  } else {
    print({"before: " + counts_text(before), "after:  " + counts_text(after), ""});
    print(change_lines(changes));
  }
  const bool worse = std::any_of(changes.begin(), changes.end(),
                                 [](const Change& change) { return change.is_worse(); });
  return worse ? ExitCode::failed : ExitCode::done;
}

void print_results(const Options& options, std::span<const SubtestResult> results) {
  if (options.json) {
    for (const SubtestResult& result : results) {
      print_line(dump_json(result_json(result)));
    }
  } else if (options.github || options.gitlab) {
    print(options.github ? github_annotations(results) : gitlab_sections(results));
  } else {
    print(summary_lines(results));
  }
}

ExitCode report_results(const Options& options) {
  if (options.operands.empty()) {
    throw Error("no DIR given: the folder that qt-tap's --output names, under Meson "
                "BUILD/tests/functional; see qt-report --help",
                ExitCode::usage);
  }
  if (int(options.json) + int(options.github) + int(options.gitlab) > 1) {
    throw Error("--json, --github and --gitlab: one of them", ExitCode::usage);
  }
  const std::vector<SubtestResult> results = read_results(options.operands);
  if (options.html) {
    write_whole(*options.html, html_page(results, counts_text(results)));
  }
  if (options.junit) {
    write_whole(*options.junit, junit_xml(results));
  }
  if (options.durations) {
    write_whole(*options.durations, join(duration_lines(results), "\n") + "\n");
  }
  if (options.bundle) {
    write_bundle(*options.bundle, results);
  }
  print_results(options, results);
  bool failed = std::any_of(results.begin(), results.end(),
                            [](const SubtestResult& result) { return result.failed(); });
  if (options.expect_skips) {
    for (const std::string& line : unexpected_skips(results, *options.expect_skips)) {
      log_error(line);
      failed = true;
    }
  }
  return failed ? ExitCode::failed : ExitCode::done;
}

int run(const std::vector<std::string>& words) {
  Options options;
  CommandLine line = command_line(options);
  if (!line.parse(words)) {
    return to_int(ExitCode::done);
  }
  return to_int(options.compare ? report_changes(options) : report_results(options));
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("qt-report", argc, argv, run); }
