#include "tap/session.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/exit_code.hh"
#include "base/log.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "ipc/base_log.hh"
#include "os/file.hh"
#include "tap/failure_report.hh"
#include "tap/wrap.hh"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace qt {

namespace {

// "NAME=VALUE " of what is set for the programs and matters to a subtest. Not the mirrors, whose
// URLs may hold passwords.
std::string settings_in_environment() {
  constexpr std::array<std::string_view, 7> k_left_out = {
      k_qemu_variable,     k_run_dir_variable,  k_vms_variable,        k_stage_variable,
      "QEMU_TEST_MIRRORS", "QEMU_TEST_MAX_VMS", "QEMU_TEST_MAX_MEMORY"};
  std::string text;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view word = *entry;
    const std::string_view name = word.substr(0, word.find('='));
    if (name.starts_with("QEMU_TEST_") && name.size() < word.size() &&
        std::find(k_left_out.begin(), k_left_out.end(), name) == k_left_out.end()) {
      text += format("{}={} ", name, shell_quote(word.substr(name.size() + 1)));
    }
  }
  return text;
}

// The command line that runs one subtest again.
std::string again(const Selected& test, const Outcome& outcome, const RunSettings& settings) {
  RunOptions options = settings;
  options.qemu = options.qemu.empty() ? "" : outcome.emulator;
  std::vector<std::string> words = {sibling_program("qt-tap")};
  const std::vector<std::string> given = option_words(options);
  words.insert(words.end(), given.begin(), given.end());
  words.insert(words.end(), {"--filter", test.subtest->name, absolute_path(test.definition->path)});
  if (!options.arguments.empty()) {
    words.emplace_back("--");
    words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  }
  const std::string emulator =
      outcome.emulator.empty() ? ""
                               : format("{}={} ", k_qemu_variable, shell_quote(outcome.emulator));
  return emulator + settings_in_environment() + shell_join(words);
}

// How many subtests can run at once: each has pipes, locks and reserved ports.
std::size_t affordable_jobs(std::size_t wanted) {
  constexpr std::uint64_t k_of_a_subtest = 24; // descriptors
  constexpr std::uint64_t k_spare = 16;
  if (wanted <= 1) {
    return wanted;
  }
  const std::uint64_t limit = raise_descriptor_limit();
  const std::uint64_t taken = count_descriptors() + k_spare;
  const std::uint64_t affordable =
      std::max<std::uint64_t>(1, (limit - std::min(limit, taken)) / k_of_a_subtest);
  if (affordable < wanted) {
    log_warning(format("option --jobs: no more than {} files may be open, which is enough for {} "
                       "subtests at once; raise it (ulimit -Hn)",
                       limit, affordable));
  }
  return std::min<std::uint64_t>(wanted, affordable);
}

// What came of a subtest.
struct Result {
  Outcome outcome;
  std::string command; // that runs it again; empty: it was not run
  std::string hint;    // what to know besides; or empty
};

// Who looks at the run directory later finds how to run it again.
void leave_command(const Result& result) {
  if (!result.outcome.run_dir.empty()) {
    try {
      BaseLog(result.outcome.run_dir, "qt-tap").write(k_again + result.command);
    } catch (const Error&) { // the verdict is there, which counts
    }
  }
}

void tell_one(const std::string& full, const std::string& name, const Result& result,
              TapWriter& tap) {
  const auto& [outcome, command, hint] = result;
  const std::string marks = marks_text(outcome.verdict.marks);
  if (outcome.verdict.cause == Cause::pass || outcome.verdict.cause == Cause::check) {
    tap.ok(name);
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
  if (command.empty()) { // it was not run
    return;
  }
  if (!outcome.run_dir.empty()) {
    tap.comment("logs: " + outcome.run_dir);
  }
  const std::vector<std::string> lines = failure_lines(full, outcome, command);
  log_error(lines[0]);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    log_plain(lines[i]);
  }
  if (!hint.empty()) {
    log_plain(hint);
  }
}

// The result of the subtest, then those of its checks.
void tell(const Selected& test, const std::string& name, const Result& result, TapWriter& tap) {
  const std::string full = full_name(*test.definition, *test.subtest);
  tell_one(full, name, result, tap);
  for (const CheckResult& check : result.outcome.verdict.checks) {
    Result own = result;
    own.outcome.verdict = verdict_of_check(result.outcome.verdict, check);
    own.outcome.said.clear();
    tell_one(format("{}/{}", full, check.name), format("{}/{}", name, check.name), own, tap);
  }
}

// The subtests' results, made by threads if several are to run at once. A thread waits for its
// children until they have ended: the kernel ends a child with the thread that started it.
class Jobs {
public:
  Jobs(const std::vector<Selected>& selected, const RunSettings& settings, EndRequest& request)
    : m_selected(selected)
    , m_settings(settings)
    , m_request(request)
    , m_results(selected.size())
    , m_budget(settings.timeout) {
    for (const Selected& test : selected) {
      m_budgets.try_emplace(test.definition, test.definition->timeout);
    }
    const std::size_t jobs =
        affordable_jobs(std::min(static_cast<std::size_t>(settings.jobs), selected.size()));
    for (std::size_t i = 0; jobs > 1 && i < jobs; ++i) {
      m_threads.emplace_back([this] { work(); });
    }
  }
  // If results were not asked for (stdout is gone) the subtests that run are ended.
  ~Jobs() {
    if (!m_threads.empty() && m_given < m_selected.size()) {
      ::kill(::getpid(), SIGTERM); // blocked here, and seen by all
    }
    for (std::thread& thread : m_threads) {
      thread.join();
    }
  }
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // Waits for it; to be asked in order.
  const Result& result(std::size_t index) {
    m_given = index + 1;
    if (m_threads.empty()) {
      return m_results[index].emplace(run(m_selected[index]));
    }
    std::unique_lock lock(m_mutex);
    m_ready.wait(lock, [&] { return m_results[index].has_value(); });
    return *m_results[index];
  }

private:
  void work() {
    for (std::size_t i; (i = m_next++) < m_selected.size();) {
      Result result = run(m_selected[i]);
      const std::lock_guard lock(m_mutex);
      m_results[i] = std::move(result);
      m_ready.notify_one();
    }
  }
  Result run(const Selected& test) {
    const bool has_files_limit = m_settings.limit == RunOptions::Limit::of_each_file;
    TimeBudget& budget = has_files_limit ? m_budgets.at(test.definition) : m_budget;
    Result result;
    if (m_request.received() || budget.is_used_up()) {
      result.outcome.verdict.cause = m_request.received() ? Cause::host : Cause::timeout;
      result.outcome.verdict.message =
          "not run: " + (m_request.received() ? "ended by " + signal_name(*m_request.received())
                                              : "the time is used up; " + budget.spent());
    } else {
      RunSettings settings = m_settings;
      settings.checks = test.checks;
      result.outcome = run_subtest(*test.definition, *test.subtest, settings, budget, m_request);
      result.command = again(test, result.outcome, m_settings);
      leave_command(result);
      const Duration limit = test.definition->timeout;
      if (has_files_limit && result.outcome.verdict.cause == Cause::timeout &&
          budget.left() < scaled(limit) / 8) {
        result.hint = format("limit: {} for all of {}, unless it or --timeout says otherwise",
                             format_duration(limit), base_name(test.definition->path));
      }
    }
    complete_checks(result.outcome.verdict, test.checks);
    return result;
  }

  const std::vector<Selected>& m_selected;
  const RunSettings& m_settings;
  EndRequest& m_request;
  std::vector<std::optional<Result>> m_results;
  TimeBudget m_budget;
  std::map<const Definition*, TimeBudget> m_budgets;
  std::size_t m_given = 0;
  std::atomic<std::size_t> m_next = 0;
  std::mutex m_mutex;
  std::condition_variable m_ready;
  std::vector<std::thread> m_threads;
};

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
  Jobs jobs(selected, settings, request);
  for (std::size_t i = 0; i < selected.size(); ++i) {
    const Selected& test = selected[i];
    const std::string name = names == Names::full_names ? full_name(*test.definition, *test.subtest)
                                                        : test.subtest->name;
    tell(test, name, jobs.result(i), tap);
  }
  tap.finish();
  return session_status(tap, settings, request);
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
