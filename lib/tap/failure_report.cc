#include "tap/failure_report.hh"

#include "base/text.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <dirent.h>

namespace qt {

namespace {

constexpr std::size_t k_console_lines = 20;
constexpr std::size_t k_diff_lines = 25;
constexpr std::size_t k_qemu_lines = 6;
constexpr std::size_t k_said_lines = 12;
constexpr std::size_t k_log_tail = 16384;
constexpr std::size_t k_longest = 300;

void add_lines(std::vector<std::string>& lines, const std::string& title,
               const std::vector<std::string>& quoted, std::size_t limit) {
  if (quoted.empty()) {
    return;
  }
  lines.push_back(title);
  for (std::size_t i = quoted.size() - std::min(limit, quoted.size()); i < quoted.size(); ++i) {
    lines.push_back(
        "  | " + (quoted[i].size() > k_longest ? quoted[i].substr(0, k_longest) + "…" : quoted[i]));
  }
}

// Whether the end of QEMU itself is what went wrong.
bool is_about_qemu(Cause cause) {
  constexpr std::array k_causes = {Cause::qemu_crash, Cause::qemu_exit, Cause::qemu_refused,
                                   Cause::console_eof};
  return std::find(k_causes.begin(), k_causes.end(), cause) != k_causes.end();
}

// The names of the logs that are there, in order.
std::vector<std::string> logs_in(const std::string& folder) {
  std::vector<std::string> names;
  if (DIR* const stream = ::opendir(folder.c_str())) {
    while (const dirent* const entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "scratch" && !name.starts_with(".")) {
        names.push_back(name);
      }
    }
    ::closedir(stream);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The whole line in which a failure text appeared: "Kernel panic" alone says little.
std::string line_of_failure(const Verdict& verdict, const std::string& console) {
  const std::string matched = json_text(verdict.details, "matched");
  for (const std::string& line : last_lines(console, console.size())) {
    if (verdict.cause == Cause::fail_pattern && !matched.empty() && line != matched &&
        line.find(matched) != std::string::npos) {
      return format(": {}", line.substr(0, k_longest));
    }
  }
  return "";
}

} // namespace

std::vector<std::string> failure_lines(const std::string& name, const Outcome& outcome,
                                       const std::string& again) {
  const Verdict& verdict = outcome.verdict;
  const std::string vm = verdict.vm.empty() ? k_default_vm : verdict.vm;
  std::vector<std::string> lines = {format("{}: {}", name, cause_line(verdict))};
  if (!verdict.stage.empty() && verdict.stage != "steps") {
    lines.push_back("stage: " + verdict.stage);
  }
  if (!verdict.step.empty()) {
    lines.push_back("step: " + verdict.step);
  }
  if (!verdict.awaited.empty()) {
    lines.push_back("awaited: " + verdict.awaited);
  }
  add_lines(lines, "asked (-) and came (+):", json_texts(verdict.details, "diff"), k_diff_lines);
  const std::string& logs = outcome.log_dir.empty() ? outcome.run_dir : outcome.log_dir;
  if (!logs.empty()) {
    const std::string log = read_tail(console_log_path(logs, vm), k_log_tail);
    const std::vector<std::string> console =
        verdict.last_lines.empty() ? last_lines(log, k_console_lines) : verdict.last_lines;
    lines[0] += line_of_failure(verdict, log);
    add_lines(lines, "console, last lines:", console, k_console_lines);
    if (is_about_qemu(verdict.cause)) {
      add_lines(lines, "QEMU said:",
                last_lines(read_tail(qemu_log_path(logs, vm), k_log_tail), k_qemu_lines),
                k_qemu_lines);
    }
    if (verdict.step.empty()) {
      add_lines(lines, "the programs said:", outcome.said, k_said_lines);
    }
    lines.push_back(format("logs: {}: {}", logs, join(logs_in(logs), " ")));
  }
  lines.push_back("again: " + again);
  return lines;
}

} // namespace qt
