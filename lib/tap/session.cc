#include "tap/session.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/format.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <cmath>
#include <dirent.h>
#include <iterator>
#include <optional>
#include <string_view>
#include <unistd.h>

namespace qt {

namespace {

// Of the checks of one subtest on stderr: a guest may have thousands of tests.
constexpr std::size_t k_most_reports = 20;

// The report of a failure, on stderr.
void tell_failure(const std::string& full, const Result& result) {
  const std::vector<std::string> lines = failure_lines(full, result.outcome, result.command);
  log_error(lines[0]);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    log_plain(lines[i]);
  }
  if (!result.hint.empty()) {
    log_plain(result.hint);
  }
}

// Whether a failure is reported on stderr, too.
enum class Report { full, in_tap_only };

void tell_one(const std::string& full, const std::string& name, const Result& result,
              TapWriter& tap, Report report = Report::full) {
  const Outcome& outcome = result.outcome;
  const std::string marks = marks_text(outcome.verdict.marks);
  const std::string touched = touched_text(outcome.verdict);
  if (is_passed(outcome.verdict.cause)) {
    const bool is_flaky = outcome.verdict.cause == Cause::flaky;
    if (is_flaky) {
      tap.flaky(name, outcome.verdict.message);
    } else {
      touched.empty() ? tap.ok(name) : tap.touched(name, touched);
    }
    if (is_flaky && !outcome.verdict.tries.empty()) {
      const std::string& last = outcome.verdict.tries.back().directory;
      tap.comment(format("logs of the try before: {}/{}", outcome.run_dir, last));
    }
    if (!marks.empty()) {
      tap.comment("marks: " + marks);
    }
    return;
  }
  if (outcome.verdict.cause == Cause::skip) {
    tap.skip(name, outcome.verdict.message);
    return;
  }
  tap.not_ok(name);
  tap.comment(cause_line(outcome.verdict));
  if (!touched.empty()) {
    tap.comment(touched);
  }
  if (!marks.empty()) {
    tap.comment("marks: " + marks);
  }
  if (!outcome.begun) {
    return;
  }
  if (!outcome.run_dir.empty()) {
    tap.comment("logs: " + outcome.run_dir);
  }
  if (report == Report::full) {
    tell_failure(full, result);
  }
}

// The result of a check of the subtest that has this result.
Result result_of_check(const Result& result, const CheckResult& check) {
  Result own = result;
  own.outcome.verdict = verdict_of_check(result.outcome.verdict, check);
  own.outcome.said.clear();
  return own;
}

// The result of the subtest, then those of its checks.
void tell(const Selected& test, const std::string& name, const Result& result, TapWriter& tap) {
  const std::string full = full_name(*test.definition, *test.subtest);
  tell_one(full, name, result, tap);
  std::size_t failed = 0;
  for (const CheckResult& check : result.outcome.verdict.checks) {
    const std::string own_name = format("{}/{}", name, check.name);
    if (check.expected) {
      tap.expected_failure(own_name, *check.expected);
      continue;
    }
    const Result own = result_of_check(result, check);
    failed += has_failed(own.outcome.verdict) ? 1 : 0;
    tell_one(format("{}/{}", full, check.name), own_name, own, tap,
             failed <= k_most_reports ? Report::full : Report::in_tap_only);
  }
  if (failed > k_most_reports) {
    log_plain(format("{}: {} checks failed; {} are shown", full, failed, k_most_reports));
  }
}

// Whether the guest runs tests of its own, whose number nobody knows before.
bool has_guest_tests(const Selected& test) {
  const auto reads_them = [](const std::vector<Step>& steps) {
    return std::any_of(steps.begin(), steps.end(),
                       [](const Step& step) { return step.type == StepType::tap; });
  };
  const std::vector<Phase>& phases = test.subtest->phases;
  return std::any_of(phases.begin(), phases.end(), [&](const Phase& phase) {
    return reads_them(phase.steps) ||
           std::any_of(phase.checks.begin(), phase.checks.end(),
                       [&](const NamedCheck& check) { return reads_them(check.steps); });
  });
}

// A test, or a check of one, whose result comes many times.
struct Repeated {
  std::string name; // in TAP
  std::string full;
  Tally tally = {};
  std::optional<std::string> expected = {}; // it failed at least once and may do so
};

// A test with its checks: those that are planned, and the tests of its guest as they come.
class RepeatedTest {
public:
  RepeatedTest(const std::string& name, const std::string& full) { m_all.push_back({name, full}); }

  // The check of this name.
  Repeated& of(const std::string& check) {
    const auto [place, is_new] = m_places.try_emplace(check, m_all.size());
    if (is_new) {
      m_all.push_back(
          {format("{}/{}", m_all[0].name, check), format("{}/{}", m_all[0].full, check)});
    }
    return m_all[place->second];
  }
  void add(const Result& result) {
    m_all[0].tally.add(result);
    for (const CheckResult& check : result.outcome.verdict.checks) {
      Repeated& repeated = of(check.name);
      repeated.tally.add(result_of_check(result, check));
      repeated.expected = check.expected ? check.expected : repeated.expected;
    }
  }
  void put_into(std::vector<Repeated>& all) && {
    std::move(m_all.begin(), m_all.end(), std::back_inserter(all));
  }

private:
  std::vector<Repeated> m_all;
  std::map<std::string, std::size_t> m_places; // of checks in m_all
};

void tell_repeated(const Repeated& repeated, bool until_failure, TapWriter& tap) {
  const Tally& tally = repeated.tally;
  if (tally.runs() == 0 && until_failure) {
    tap.skip(repeated.name, "not run: another test failed before it");
    return;
  }
  if (tally.runs() == 0) {
    tap.not_ok(repeated.name);
    tap.comment("not run");
    return;
  }
  if (tally.only_skipped()) {
    tap.skip(repeated.name, tally.why_skipped());
    return;
  }
  if (tally.failed() > 0) {
    tap.not_ok(repeated.name);
  } else if (repeated.expected) {
    tap.expected_failure(repeated.name, *repeated.expected);
  } else if (!tally.why_flaky().empty()) {
    tap.flaky(repeated.name, tally.why_flaky());
  } else if (!tally.how_touched().empty()) {
    tap.touched(repeated.name, tally.how_touched());
  } else {
    tap.ok(repeated.name);
  }
  for (const std::string& line : tally.lines()) {
    tap.comment(line);
  }
  for (const auto& [cause, failures] : tally.failures()) {
    tell_failure(repeated.full, failures.first);
  }
}

// What 'git bisect run' is to take it for: 0 is good, 1 is bad, and 125 cannot be judged.
int bisect_status(const std::vector<Repeated>& all) {
  bool unknown = false;
  for (const Repeated& repeated : all) {
    for (const auto& [cause, failures] : repeated.tally.failures()) {
      if (cause != Cause::host && cause != Cause::asset) {
        return to_int(ExitCode::failed);
      }
    }
    unknown = unknown || repeated.tally.failed() > 0 || repeated.tally.only_skipped();
  }
  return unknown ? k_cannot_be_judged : to_int(ExitCode::done);
}

std::string name_of(const Selected& test, Names names) {
  return names == Names::full_names ? full_name(*test.definition, *test.subtest)
                                    : test.subtest->name;
}

int session_status(const TapWriter& tap, const RunSettings& settings, EndRequest& request) {
  if (request.received()) {
    return 128 + *request.received();
  }
  return to_int(tap.failures() > 0 && !settings.under_meson ? ExitCode::failed : ExitCode::done);
}

// Asked to end, a run ends with the status of that, also where nobody is left to be told: the
// terminal has hung up.
template<typename Run>
int run_until_asked(Run run) {
  EndRequest request;
  try {
    return run(request);
  } catch (const Error& error) {
    if (!request.received()) {
      throw;
    }
    log_error(error.what());
    return 128 + *request.received();
  }
}

// What the first repetition, or the only one, begins without.
void remove_old_repetitions(const std::vector<Selected>& selected, const RunSettings& settings) {
  for (const Selected& test : selected) {
    if (settings.iteration == 1 && settings.repeater.empty()) {
      remove_repetitions(run_dir_of(*test.definition, *test.subtest, settings));
    }
  }
}

// This program's parent, told apart from every other process since the host started: its number and
// when it began (field 22 of /proc/PID/stat; the second may hold spaces).
std::string parent_identity() {
  const std::string number = std::to_string(::getppid());
  const std::string stat = read_file_if_exists(format("/proc/{}/stat", number)).value_or("");
  const std::vector<std::string> fields = split(stat.substr(stat.rfind(')') + 1), ' ');
  return fields.size() > 20 ? number + " " + fields[20] : number;
}

int run(const std::vector<Selected>& selected, const RunSettings& settings, Names names,
        EndRequest& request) {
  std::optional<std::size_t> planned = selected.size();
  for (const Selected& test : selected) {
    *planned += test.checks.size();
  }
  if (std::any_of(selected.begin(), selected.end(), has_guest_tests)) {
    planned.reset();
  }
  TapWriter tap(STDOUT_FILENO, planned);
  remove_old_repetitions(selected, settings);
  Jobs jobs(selected, 1, settings, request);
  for (const Selected& test : selected) {
    tell(test, name_of(test, names), jobs.take(), tap);
  }
  tap.finish();
  return session_status(tap, settings, request);
}

int repeat(const std::vector<Selected>& selected, const RunSettings& settings, Names names,
           const Repetition& repetition, EndRequest& request) {
  std::vector<RepeatedTest> tests;
  for (const Selected& test : selected) {
    tests.emplace_back(name_of(test, names), full_name(*test.definition, *test.subtest));
    for (const std::string& check : test.checks) {
      tests.back().of(check);
    }
  }
  remove_old_repetitions(selected, settings);
  {
    Jobs jobs(selected, repetition.rounds, settings, request);
    std::size_t skipped = 0; // of those before, one after the other
    for (std::size_t i = 0; i < jobs.count(); ++i) {
      const Result result = jobs.take();
      if (request.received()) {
        break;
      }
      const Verdict& verdict = result.outcome.verdict;
      tests[i % selected.size()].add(result);
      skipped = verdict.cause == Cause::skip ? skipped + 1 : 0;
      const bool cannot_fail = skipped == selected.size(); // none would ever be run
      if (repetition.until_failure && (has_failed(verdict) || cannot_fail)) {
        jobs.stop();
        break;
      }
    }
  }
  std::vector<Repeated> all;
  for (RepeatedTest& test : tests) {
    std::move(test).put_into(all);
  }
  TapWriter tap(STDOUT_FILENO, all.size());
  for (const Repeated& repeated : all) {
    tell_repeated(repeated, repetition.until_failure && !request.received(), tap);
  }
  tap.finish();
  return repetition.bisects && !request.received() ? bisect_status(all)
                                                   : session_status(tap, settings, request);
}

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

constexpr std::size_t k_comment_lines = 20;
constexpr std::uint64_t k_most_shown = 256 << 20; // of what goes to people, or to Meson's log

std::string reason_of(const StageEnd& end, std::optional<Duration> timeout, EndRequest& request) {
  switch (end.by) {
  case StageEnd::By::deadline:
    return "timeout: still running after " + scaled_text(timeout.value_or(Duration::zero()));
  case StageEnd::By::signal:
    return "ended by " + signal_name(request.received().value_or(0));
  default:
    return end.status.text();
  }
}

// Gives `tap` its only result. The command has the caller's stdin. `timeout`: as named
// (timeout_multiplier.hh). Never throws for what the command does or that it cannot be started.
void wrap_command(const std::string& name, const std::vector<std::string>& command,
                  std::optional<Duration> timeout, EndRequest& request, TapWriter& tap) {
  const std::optional<Duration> actual = scaled(timeout);
  SpawnOptions options;
  options.standard_input = STDIN_FILENO;
  options.descendants = SpawnOptions::Descendants::end_with_it;
  StageEnd end;
  std::uint64_t said = 0;
  try {
    end = run_stage(command, options, actual ? Deadline::after(*actual) : Deadline::never(),
                    request, [&said](std::string_view line) {
                      said += line.size() + 1;
                      if (said <= k_most_shown) {
                        log_plain(line);
                      }
                    });
  } catch (const Error& error) {
    log_error(error.what());
    tap.not_ok(name);
    tap.comment(error.what());
    return;
  }
  if (said > k_most_shown) {
    log_warning(format("the command wrote {}; what is over {} is left out", format_size(said),
                       format_size(k_most_shown)));
  }
  const int code = exit_status_of(end.status.wait_status);
  if (end.by == StageEnd::By::itself && code == to_int(ExitCode::done)) {
    tap.ok(name);
    return;
  }
  if (end.by == StageEnd::By::itself && code == to_int(ExitCode::absent)) {
    tap.skip(name, end.last_error_line.empty() ? "the command says so" : end.last_error_line);
    return;
  }
  const std::string reason = reason_of(end, timeout, request);
  log_error(format("{}: {}", name, reason));
  tap.not_ok(name);
  tap.comment(reason);
  const std::size_t skipped =
      end.last_lines.size() - std::min(end.last_lines.size(), k_comment_lines);
  for (std::size_t i = skipped; i < end.last_lines.size(); ++i) {
    tap.comment(end.last_lines[i]);
  }
}

} // namespace

RunSettings complete_settings(const RunOptions& options) {
  RunSettings settings;
  static_cast<RunOptions&>(settings) = options;
  settings.programs = {sibling_program("qt-boot"), sibling_program("qt-expect"),
                       sibling_program("qt-fetch"), sibling_program("qt-extract")};
  const std::string build = find_build_folder();
  settings.build = build.empty() ? absolute_path(".") : build;
  settings.support = find_support_folder();
  settings.output = settings.output.empty() ? "" : absolute_path(settings.output);
  settings.results = !settings.output.empty() ? settings.output
                     : build.empty()          ? absolute_path("qt-tap-output")
                                              : absolute_path(build + "/tests/functional");
  if (is_debugged(options)) {
    settings.limit = RunOptions::Limit::of_the_run;
    settings.timeout.reset();
  }
  settings.prepared = settings.prepared.empty() ? "" : absolute_path(settings.prepared);
  if (const std::string iteration = env::text("MESON_TEST_ITERATION"); !iteration.empty()) {
    settings.under_meson = true;
    settings.iteration = static_cast<int>(parse_integer(iteration).value_or(1));
  } else if (settings.under_meson) {
    settings.repeater = parent_identity();
  }
  return settings;
}

int run_session(const std::vector<Selected>& selected, const RunSettings& settings, Names names) {
  return run_until_asked(
      [&](EndRequest& request) { return run(selected, settings, names, request); });
}

int run_repeated(const std::vector<Selected>& selected, const RunSettings& settings, Names names,
                 const Repetition& repetition) {
  return run_until_asked(
      [&](EndRequest& request) { return repeat(selected, settings, names, repetition, request); });
}

int run_wrapped(const std::string& name, const std::vector<std::string>& command,
                const RunSettings& settings) {
  return run_until_asked([&](EndRequest& request) {
    TapWriter tap(STDOUT_FILENO, 1);
    wrap_command(name, command, settings.timeout, request, tap);
    tap.finish();
    return session_status(tap, settings, request);
  });
}

FailureRate failure_rate(std::size_t failed, std::size_t runs) {
  constexpr double k_normal = 1.959964; // the quantile of the normal distribution for 95 %
  const auto n = static_cast<double>(runs);
  const double share = static_cast<double>(failed) / n;
  const double square = k_normal * k_normal / n;
  const double middle = share + square / 2;
  const double half = k_normal * std::sqrt(share * (1 - share) / n + square / (4 * n));
  return {std::max(0.0, (middle - half) / (1 + square)),
          std::min(1.0, (middle + half) / (1 + square))};
}

void Tally::add(const Result& result) {
  const Verdict& verdict = result.outcome.verdict;
  m_took.push_back(result.took);
  if (verdict.cause == Cause::skip) {
    ++m_skipped;
    m_why_skipped = verdict.message;
  } else if (verdict.cause == Cause::flaky) {
    m_why_flaky = verdict.message;
  } else if (is_passed(verdict.cause) && !verdict.touched.empty()) {
    m_how_touched = touched_text(verdict);
  } else if (has_failed(verdict)) {
    Failures& failures = m_failures[verdict.cause];
    if (failures.count++ == 0) {
      failures.first = result;
    }
  }
}

std::size_t Tally::failed() const noexcept {
  std::size_t sum = 0;
  for (const auto& [cause, failures] : m_failures) {
    sum += failures.count;
  }
  return sum;
}

std::vector<std::string> Tally::lines() const {
  const std::size_t judged = runs() - m_skipped;
  std::vector<std::string> lines;
  if (judged > 0) {
    const FailureRate rate = failure_rate(failed(), judged);
    lines.push_back(
        format("failed {} of {} times: {:.2f} %, with 95 % certainty {:.2f} to {:.2f} %", failed(),
               judged, 100.0 * static_cast<double>(failed()) / static_cast<double>(judged),
               100 * rate.low, 100 * rate.high));
  }
  if (m_skipped > 0) {
    lines.push_back(format("skipped {} times: {}", m_skipped, m_why_skipped));
  }
  for (const auto& [cause, failures] : m_failures) {
    const Outcome& first = failures.first.outcome;
    lines.push_back(format("{} of them: {}", failures.count, cause_line(first.verdict)));
    if (!first.run_dir.empty()) {
      lines.push_back("logs of the first: " + first.run_dir);
    }
  }
  if (!m_took.empty()) {
    lines.push_back(times());
  }
  return lines;
}

std::string Tally::times() const {
  std::vector<Duration> took = m_took;
  std::sort(took.begin(), took.end());
  const auto of_share = [&took](std::size_t percent) { // the nearest rank
    const std::size_t rank = (took.size() * percent + 99) / 100;
    return static_cast<double>(took[rank - 1].count()) / 1000;
  };
  return format("seconds: half of them at most {:.3f}, 95 % at most {:.3f}, all at most {:.3f}",
                of_share(50), of_share(95), of_share(100));
}

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
