#include "tap/jobs.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "ipc/base_log.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <csignal>
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

// Why a failure is the last word although it was to be run again: beside the failure, for all who
// read it.
void leave_remark(Result& result, const std::string& remark) {
  Outcome& outcome = result.outcome;
  outcome.verdict.message += "; " + remark;
  if (!outcome.run_dir.empty()) {
    try {
      write_verdict(outcome.run_dir, outcome.verdict);
      BaseLog(outcome.run_dir, "qt-tap").write(remark);
    } catch (const Error&) { // the failure is there, which counts
    }
  }
}

// Who looks at the run directory later finds how to run it again.
void leave_command(const Result& result) {
  if (!result.outcome.run_dir.empty()) {
    try {
      BaseLog(result.outcome.run_dir, "qt-tap").write(k_again + result.command);
    } catch (const Error&) { // the verdict is there, which counts
    }
  }
}

} // namespace

Jobs::Jobs(const std::vector<Selected>& selected, std::size_t rounds, const RunSettings& settings,
           EndRequest& request)
  : m_selected(selected)
  , m_count(selected.size() * rounds)
  , m_settings(settings)
  , m_request(request)
  , m_budget(settings.timeout) {
  for (const Selected& test : selected) {
    m_budgets.try_emplace(test.definition, test.definition->timeout);
  }
  const std::size_t jobs =
      affordable_jobs(std::min(static_cast<std::size_t>(settings.jobs), m_count));
  for (std::size_t i = 0; jobs > 1 && i < jobs; ++i) {
    m_threads.emplace_back([this] { work(); });
  }
}

Jobs::~Jobs() {
  if (!m_threads.empty() && m_taken < m_count) {
    ::kill(::getpid(), SIGTERM); // blocked here, and seen by all
  }
  for (std::thread& thread : m_threads) {
    thread.join();
  }
}

void Jobs::stop() {
  m_next = m_count;
  m_taken = m_count;
}

Result Jobs::take() {
  const std::size_t index = m_taken++;
  while (m_threads.empty() && !m_results.contains(index) && step(m_folder)) {
  }
  std::unique_lock lock(m_mutex);
  m_ready.wait(lock, [&] { return m_results.contains(index); });
  return std::move(m_results.extract(index).mapped());
}

void Jobs::work() {
  int folder = 0;
  while (step(folder)) {
  }
}

// Whoever runs a subtest that is to be run again comes here once more, so that none is forgotten.
std::optional<Jobs::Attempt> Jobs::next() {
  Attempt attempt;
  attempt.index = m_next++;
  if (attempt.index < m_count) {
    return attempt;
  }
  const std::lock_guard lock(m_mutex);
  if (m_again.empty()) {
    return std::nullopt;
  }
  attempt = std::move(m_again.front());
  m_again.pop_front();
  return attempt;
}

bool Jobs::step(int& folder) {
  std::optional<Attempt> attempt = next();
  if (!attempt) {
    return false;
  }
  const std::string why_not = attempt->tries.verdicts.empty() ? "" : why_not_again(*attempt);
  if (why_not.empty()) {
    run(*attempt, folder);
  } else {
    leave_remark(attempt->result, why_not);
  }
  const bool again = why_not.empty() && is_run_again(*attempt);
  const std::lock_guard lock(m_mutex);
  if (again) {
    m_again.push_back(std::move(*attempt));
  } else {
    m_results[attempt->index] = std::move(attempt->result);
    m_ready.notify_one();
  }
  return true;
}

bool Jobs::is_run_again(const Attempt& attempt) const {
  const std::vector<Verdict>& tries = attempt.tries.verdicts;
  return !tries.empty() && tries.size() <= static_cast<std::size_t>(m_settings.retries) &&
         asks_for_retry(tries.back(), m_settings.retried);
}

// The time of the subtests together does not count the making of payloads, which a runner's does.
std::string Jobs::why_not_again(const Attempt& attempt) const {
  if (m_request.received()) {
    return "not run again: ended by " + signal_name(*m_request.received());
  }
  const TimeBudget& budget = budget_of(m_selected[attempt.index % m_selected.size()]);
  const std::optional<Duration> left = budget.left();
  const std::optional<Duration> whole = budget.whole();
  const Duration last = attempt.result.took;
  if (!left || std::min(*left, *whole - attempt.took) >= last) {
    return "";
  }
  const auto seconds = [](Duration time) {
    return seconds_text(std::chrono::duration<double>(std::max(time, Duration(0))).count());
  };
  return format("not run again: it took {}, and {} are left of the {} for all", seconds(last),
                seconds(std::min(*left, *whole - attempt.took)), format_duration(*whole));
}

const TimeBudget& Jobs::budget_of(const Selected& test) const {
  return m_settings.limit == RunOptions::Limit::of_each_file ? m_budgets.at(test.definition)
                                                             : m_budget;
}

void Jobs::run(Attempt& attempt, int& folder) {
  const Selected& test = m_selected[attempt.index % m_selected.size()];
  const bool repeats = m_count > m_selected.size();
  const bool has_files_limit = m_settings.limit == RunOptions::Limit::of_each_file;
  TimeBudget own(test.definition->timeout);
  TimeBudget& budget = !has_files_limit ? m_budget : repeats ? own : m_budgets.at(test.definition);
  Result& result = attempt.result;
  result = Result();
  const Clock::time_point begin = Clock::now();
  RunSettings settings = m_settings;
  settings.checks = test.checks;
  if (repeats) {
    folder = folder > 0 ? folder : ++m_folders;
    settings.iteration = folder;
    settings.repeater.clear();
  }
  result.outcome =
      run_subtest(*test.definition, *test.subtest, settings, budget, m_request, attempt.tries);
  result.command = again(test, result.outcome, m_settings);
  leave_command(result);
  const Duration limit = test.definition->timeout;
  if (has_files_limit && result.outcome.begun && result.outcome.verdict.cause == Cause::timeout &&
      budget.left() < scaled(limit) / 8) {
    result.hint = format("limit: {} for all of {}, unless it or --timeout says otherwise",
                         format_duration(limit), base_name(test.definition->path));
  }
  complete_checks(result.outcome.verdict, test.checks);
  result.took = std::chrono::duration_cast<Duration>(Clock::now() - begin);
  attempt.took += result.took;
  if (is_first_failure(attempt.index, result.outcome.verdict)) {
    folder = 0; // this one stays
  }
}

bool Jobs::is_first_failure(std::size_t index, const Verdict& verdict) {
  const std::lock_guard lock(m_mutex);
  constexpr std::size_t k_most = 50; // a guest may give its tests other names each time
  std::set<std::pair<std::string, Cause>>& known = m_failed[index % m_selected.size()];
  bool is_first = false;
  const auto note = [&](const std::string& check, Cause cause) {
    const bool is_kept = is_failure(cause) && (check.empty() || known.size() < k_most);
    is_first = (is_kept && known.emplace(check, cause).second) || is_first;
  };
  note("", verdict.cause);
  for (const CheckResult& check : verdict.checks) {
    note(check.name, check.cause);
  }
  return is_first;
}

} // namespace qt
