#include "report/summary.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <algorithm>
#include <fnmatch.h>
#include <map>
#include <set>
#include <utility>

namespace qt {

namespace {

constexpr std::size_t k_slowest = 5;
constexpr std::size_t k_names_of_a_reason = 3;

std::vector<const SubtestResult*> slowest_first(std::span<const SubtestResult> results) {
  std::vector<const SubtestResult*> list;
  for (const SubtestResult& result : results) {
    if (!result.skipped() && result.verdict.seconds > 0) {
      list.push_back(&result);
    }
  }
  std::stable_sort(list.begin(), list.end(), [](const auto* one, const auto* other) {
    return one->verdict.seconds > other->verdict.seconds;
  });
  return list;
}

void add_failures(std::span<const SubtestResult> results, std::vector<std::string>& lines) {
  for (const SubtestResult& result : results) {
    if (!result.failed()) {
      continue;
    }
    lines.push_back("");
    lines.push_back("FAILED " + result.name);
    lines.push_back("  " + escape_for_display(reason_of(result)));
    const std::string last = last_line_of(result);
    for (const auto& [title, text] : {std::pair("step", escape_for_display(result.verdict.step)),
                                      {"last line", last},
                                      {"logs", escape_for_display(result.directory)},
                                      {"again", result.again}}) {
      if (!text.empty()) {
        lines.push_back(format("  {}: {}", title, text));
      }
    }
  }
}

void add_flaky(std::span<const SubtestResult> results, std::vector<std::string>& lines) {
  for (const SubtestResult& result : results) {
    if (!result.flaky()) {
      continue;
    }
    lines.push_back("");
    lines.push_back("FLAKY " + result.name);
    lines.push_back("  " + escape_for_display(result.verdict.message));
    for (const EarlierTry& tried : result.verdict.tries) {
      lines.push_back(
          format("  logs of a failure: {}",
                 escape_for_display(format("{}/{}", result.directory, tried.directory))));
    }
  }
}

void add_touched(std::span<const SubtestResult> results, std::vector<std::string>& lines) {
  bool is_first = true;
  for (const SubtestResult& result : results) {
    if (result.passed() && !result.verdict.touched.empty()) {
      if (std::exchange(is_first, false)) {
        lines.insert(lines.end(), {"", "PASSED, BUT NOT BY THEMSELVES"});
      }
      lines.push_back(
          format("  {}: {}", result.name, escape_for_display(touched_text(result.verdict))));
    }
  }
}

void add_skips(std::span<const SubtestResult> results, std::vector<std::string>& lines) {
  std::map<std::string, std::vector<std::string>> reasons;
  for (const SubtestResult& result : results) {
    if (result.skipped()) {
      reasons[kind_of_skip(result)].push_back(result.name);
    }
  }
  std::vector<std::pair<std::string, std::vector<std::string>>> list(reasons.begin(),
                                                                     reasons.end());
  std::stable_sort(list.begin(), list.end(), [](const auto& one, const auto& other) {
    return one.second.size() > other.second.size();
  });
  if (!list.empty()) {
    lines.insert(lines.end(), {"", "SKIPPED"});
  }
  for (const auto& [reason, names] : list) {
    const std::size_t shown = std::min(names.size(), k_names_of_a_reason);
    const std::string more =
        shown < names.size() ? format(" and {} more", names.size() - shown) : "";
    lines.push_back(format("{:5}  {}", names.size(), escape_for_display(reason)));
    lines.push_back(format("       {}{}", join(std::span(names).first(shown), ", "), more));
  }
}

void add_slowest(std::span<const SubtestResult> results, std::vector<std::string>& lines) {
  std::vector<const SubtestResult*> list = slowest_first(results);
  list.resize(std::min(list.size(), k_slowest));
  if (!list.empty()) {
    lines.insert(lines.end(), {"", "SLOWEST"});
  }
  for (const SubtestResult* result : list) {
    const std::vector<StepTime>& steps = result->verdict.steps;
    const auto longest =
        std::max_element(steps.begin(), steps.end(), [](const auto& one, const auto& other) {
          return one.seconds < other.seconds;
        });
    lines.push_back(format("{:>9}  {}", seconds_text(result->verdict.seconds), result->name));
    if (longest != steps.end()) {
      lines.push_back(format("           {} of it: {}", seconds_text(longest->seconds),
                             escape_for_display(longest->step)));
    }
  }
}

// A command in the log of a workflow: these end its message.
std::string fit_for_github(std::string_view text) {
  std::string fit;
  for (const char letter : text) {
    fit += letter == '%'    ? "%25"
           : letter == '\r' ? "%0D"
           : letter == '\n' ? "%0A"
           : letter == ':'  ? "%3A"
           : letter == ','  ? "%2C"
                            : std::string(1, letter);
  }
  return fit;
}

} // namespace

std::vector<std::string> summary_lines(std::span<const SubtestResult> results) {
  double seconds = 0;
  for (const SubtestResult& result : results) {
    seconds += result.verdict.seconds;
  }
  std::vector<std::string> lines = {format("{} subtests: {}; {} in their dialogues", results.size(),
                                           counts_text(results), seconds_text(seconds))};
  add_failures(results, lines);
  add_flaky(results, lines);
  add_touched(results, lines);
  add_skips(results, lines);
  add_slowest(results, lines);
  return lines;
}

Json result_json(const SubtestResult& result) {
  const Verdict& verdict = result.verdict;
  Json steps = Json::array();
  for (const StepTime& step : verdict.steps) {
    steps.push_back({{"step", step.step},
                     {"stage", step.stage},
                     {"start", step.start},
                     {"seconds", step.seconds}});
  }
  Json marks = Json::array();
  for (const Mark& mark : verdict.marks) {
    marks.push_back({{"name", mark.name}, {"at", mark.at}, {"seconds", mark.seconds}});
    if (mark.budget) {
      marks.back()["budget"] = *mark.budget;
    }
  }
  Json tries = Json::array();
  for (const EarlierTry& tried : verdict.tries) {
    tries.push_back({{"cause", cause_name(tried.cause)},
                     {"message", tried.message},
                     {"seconds", tried.seconds},
                     {"directory", tried.directory}});
  }
  Json touched = Json::array();
  for (const Touch& touch : verdict.touched) {
    touched.push_back({{"at", touch.at}, {"seconds", touch.seconds}});
  }
  return {{"version", 1},
          {"name", result.name},
          {"arch", result.arch},
          {"file", result.file},
          {"subtest", result.subtest},
          {"outcome", outcome_name(result)},
          {"cause", cause_name(verdict.cause)},
          {"message", verdict.message},
          {"seconds", verdict.seconds},
          {"start", verdict.start},
          {"end", verdict.end},
          {"stage", verdict.stage},
          {"step", verdict.step},
          {"awaited", verdict.awaited},
          {"last-lines", verdict.last_lines},
          {"steps", std::move(steps)},
          {"marks", std::move(marks)},
          {"tries", std::move(tries)},
          {"touched", std::move(touched)},
          {"definition", result.definition},
          {"directory", result.directory},
          {"again", result.again}};
}

std::vector<std::string> github_annotations(std::span<const SubtestResult> results) {
  std::vector<std::string> lines;
  for (const SubtestResult& result : results) {
    if (result.failed() || result.flaky()) {
      lines.push_back(format("::{} file={},title={}::{}", result.failed() ? "error" : "warning",
                             fit_for_github(result.definition), fit_for_github(result.name),
                             fit_for_github(escape_for_display(reason_of(result)))));
    }
  }
  return lines;
}

std::vector<std::string> gitlab_sections(std::span<const SubtestResult> results) {
  std::vector<std::string> lines;
  std::size_t number = 0;
  for (const SubtestResult& result : results) {
    if (!result.failed() && !result.flaky()) {
      continue;
    }
    const std::string section = format("qt_report_{}", ++number);
    lines.push_back(format("\x1b[0Ksection_start:0:{}[collapsed=true]\r\x1b[0K{}: {}", section,
                           result.name, escape_for_display(reason_of(result))));
    for (const EarlierTry& tried : result.verdict.tries) {
      lines.push_back(format("{}: {}: {}: {}", escape_for_display(tried.directory),
                             cause_name(tried.cause), seconds_text(tried.seconds),
                             escape_for_display(tried.message)));
    }
    for (const std::string& line : result.verdict.last_lines) {
      lines.push_back("| " + escape_for_display(line));
    }
    lines.push_back("logs: " + escape_for_display(result.directory));
    lines.push_back(format("\x1b[0Ksection_end:0:{}\r\x1b[0K", section));
  }
  return lines;
}

std::vector<std::string> duration_lines(std::span<const SubtestResult> results) {
  std::map<std::string, std::map<std::string, double>> longest; // of each file its subtests
  std::set<std::string> counted; // a check has the run directory of its subtest, and comes after it
  for (const SubtestResult& result : results) {
    if (!result.skipped() && counted.insert(result.directory).second) {
      double& of_subtest = longest[format("{}/{}", result.arch, result.file)][result.subject()];
      of_subtest = std::max(of_subtest, result.verdict.seconds);
    }
  }
  std::map<std::string, double> seconds;
  for (const auto& [name, subtests] : longest) {
    for (const auto& [subject, taken] : subtests) {
      seconds[name] += taken;
    }
  }
  std::vector<std::pair<std::string, double>> order(seconds.begin(), seconds.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& one, const auto& other) { return one.second > other.second; });
  std::vector<std::string> lines;
  for (const auto& [name, taken] : order) {
    lines.push_back(format("{} {:.3f}", name, taken));
  }
  return lines;
}

std::vector<std::string> unexpected_skips(std::span<const SubtestResult> results,
                                          const std::string& list) {
  const std::optional<std::string> text = read_file_if_exists(list);
  if (!text) {
    throw Error(
        format("{} is not there; it names what may be skipped, one name or pattern a line", list),
        ExitCode::usage);
  }
  std::vector<std::string> allowed;
  for (const std::string& line : split(*text, '\n')) {
    if (const std::string_view name = trim(std::string_view(line).substr(0, line.find('#')));
        !name.empty()) {
      allowed.emplace_back(name);
    }
  }
  std::vector<std::string> lines;
  std::set<std::string> seen;    // run directories: a check comes after its subtest
  std::set<std::string> excused; // of subtests that may be skipped, so that their checks are
  for (const SubtestResult& result : results) {
    // A name has brackets of its own: it is a pattern that does not match itself.
    const auto is_named = [&allowed](const std::string& name) {
      return std::any_of(allowed.begin(), allowed.end(), [&name](const std::string& pattern) {
        return pattern == name || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
      });
    };
    const bool is_allowed = is_named(result.name) || is_named(result.subject());
    const bool is_whole = seen.insert(result.directory).second;
    if (result.skipped() && is_whole && is_allowed) {
      excused.insert(result.directory);
    }
    if (result.skipped() && !is_allowed && !excused.contains(result.directory)) {
      lines.push_back(format("{}: skipped, and not on the list {}: {}", result.name, list,
                             escape_for_display(reason_of(result))));
    }
  }
  return lines;
}

} // namespace qt
