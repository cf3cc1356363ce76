#include "tap/session.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/exit_code.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "os/file.hh"
#include "tap/failure_report.hh"
#include "tap/jobs.hh"
#include "tap/tally.hh"
#include "tap/wrap.hh"

#include <algorithm>
#include <unistd.h>

namespace qt {

namespace {

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

void tell_one(const std::string& full, const std::string& name, const Result& result,
              TapWriter& tap) {
  const Outcome& outcome = result.outcome;
  const std::string marks = marks_text(outcome.verdict.marks);
  if (is_passed(outcome.verdict.cause)) {
    const bool is_flaky = outcome.verdict.cause == Cause::flaky;
    is_flaky ? tap.flaky(name, outcome.verdict.message) : tap.ok(name);
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
  if (!marks.empty()) {
    tap.comment("marks: " + marks);
  }
  if (result.command.empty()) { // it was not run
    return;
  }
  if (!outcome.run_dir.empty()) {
    tap.comment("logs: " + outcome.run_dir);
  }
  tell_failure(full, result);
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
  for (const CheckResult& check : result.outcome.verdict.checks) {
    tell_one(format("{}/{}", full, check.name), format("{}/{}", name, check.name),
             result_of_check(result, check), tap);
  }
}

// A test, or a check of one, whose result comes many times.
struct Repeated {
  std::string name; // in TAP
  std::string full;
  Tally tally;
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
  } else if (!tally.why_flaky().empty()) {
    tap.flaky(repeated.name, tally.why_flaky());
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

// This program's parent, told apart from every other process since the host started: its number and
// when it began (field 22 of /proc/PID/stat; the second may hold spaces).
std::string parent_identity() {
  const std::string number = std::to_string(::getppid());
  const std::string stat = read_file_if_exists(format("/proc/{}/stat", number)).value_or("");
  const std::vector<std::string> fields = split(stat.substr(stat.rfind(')') + 1), ' ');
  return fields.size() > 20 ? number + " " + fields[20] : number;
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
  EndRequest request;
  std::size_t planned = selected.size();
  for (const Selected& test : selected) {
    planned += test.checks.size();
  }
  TapWriter tap(STDOUT_FILENO, planned);
  Jobs jobs(selected, 1, settings, request);
  for (const Selected& test : selected) {
    tell(test, name_of(test, names), jobs.take(), tap);
  }
  tap.finish();
  return session_status(tap, settings, request);
}

int run_repeated(const std::vector<Selected>& selected, const RunSettings& settings, Names names,
                 const Repetition& repetition) {
  EndRequest request;
  std::vector<Repeated> all;
  std::vector<std::size_t> places; // of each test in `all`; its checks come after it
  for (const Selected& test : selected) {
    places.push_back(all.size());
    const std::string name = name_of(test, names);
    const std::string full = full_name(*test.definition, *test.subtest);
    all.push_back({name, full, {}});
    for (const std::string& check : test.checks) {
      all.push_back({format("{}/{}", name, check), format("{}/{}", full, check), {}});
    }
  }
  {
    Jobs jobs(selected, repetition.rounds, settings, request);
    for (std::size_t i = 0; i < jobs.count(); ++i) {
      const Result result = jobs.take();
      if (request.received()) {
        break;
      }
      const std::size_t place = places[i % selected.size()];
      all[place].tally.add(result);
      const std::vector<CheckResult>& checks = result.outcome.verdict.checks;
      for (std::size_t k = 0; k < checks.size(); ++k) {
        all[place + 1 + k].tally.add(result_of_check(result, checks[k]));
      }
      if (repetition.until_failure && is_failure(result.outcome.verdict)) {
        jobs.stop();
        break;
      }
    }
  }
  TapWriter tap(STDOUT_FILENO, all.size());
  for (const Repeated& repeated : all) {
    tell_repeated(repeated, repetition.until_failure && !request.received(), tap);
  }
  tap.finish();
  return repetition.bisects && !request.received() ? bisect_status(all)
                                                   : session_status(tap, settings, request);
}

int run_wrapped(const std::string& name, const std::vector<std::string>& command,
                const RunSettings& settings) {
  EndRequest request;
  TapWriter tap(STDOUT_FILENO, 1);
  wrap_command(name, command, settings.timeout, request, tap);
  tap.finish();
  return session_status(tap, settings, request);
}

} // namespace qt
