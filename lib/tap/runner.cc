#include "tap/runner.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/log.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "definition/requirement.hh"
#include "ipc/admission.hh"
#include "ipc/base_log.hh"
#include "os/file.hh"
#include "tap/condition.hh"
#include "tap/payloads.hh"
#include "tap/selection.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <iterator>
#include <map>
#include <set>
#include <system_error>

namespace qt {

namespace {

// Where the logs of a subtest's try are, in its run directory, when it is run again.
std::string try_folder(std::size_t number) { return format("try{}", number); }

std::optional<FileLock> lock_folder(const std::string& path, const std::string& repeater) {
  make_directories(parent_of(path));
  const std::string file = parent_of(path) + "/." + base_name(path) + ".lock";
  std::optional<FileLock> lock = FileLock::acquire(file);
  if (lock && !repeater.empty()) {
    if (read_file(file) == repeater) {
      return std::nullopt;
    }
    write_file(file, repeater);
  }
  return lock;
}

bool can_be_hosts(Cause cause) {
  return cause == Cause::timeout || cause == Cause::idle_timeout || cause == Cause::host ||
         cause == Cause::asset;
}

// What a check came to in one try: where it has no result, it was not reached.
Verdict verdict_in(const Verdict& tried, const std::string& check) {
  const CheckResult* const result = find_check(tried, check);
  return result == nullptr ? tried : verdict_of_check(tried, *result);
}

// Changes cause and message of the last of `tries`, which are of the whole or of one check.
void judge(std::span<const Verdict> tries, Cause& cause, std::string& message) {
  const std::size_t number = tries.size();
  const auto failed =
      static_cast<std::size_t>(std::count_if(tries.begin(), tries.end(), has_failed));
  if (cause == Cause::pass && failed > 0) {
    std::size_t last = number; // counted from 1
    while (!has_failed(tries[last - 1])) {
      --last;
    }
    cause = Cause::flaky;
    message = format("passed in try {}; try {}: {}", number, last, cause_line(tries[last - 1]));
  } else if (number > 1 && cause != Cause::check && has_failed(tries.back())) {
    message += failed == number ? format("; failed in each of {} tries", number)
                                : format("; failed in {} of {} tries", failed, number);
  }
}

constexpr const char* k_skipped_again = "; when it was to run again, it was skipped: {}";

// The failure of the try before stays, whatever keeps it from being run now.
void keep_failure(Verdict& verdict, const Verdict& before) {
  const std::string reason = verdict.message;
  verdict = before;
  verdict.message += format(k_skipped_again, reason);
}

// The same for a check that is skipped now: what it came to where it was run.
void keep_failure(CheckResult& check, std::span<const Verdict> tries) {
  std::vector<Verdict> ran;
  for (const Verdict& tried : tries) {
    const CheckResult* const result = find_check(tried, check.name);
    if (result != nullptr && result->cause != Cause::skip) {
      ran.push_back(verdict_of_check(tried, *result));
    }
  }
  if (std::none_of(ran.begin(), ran.end(), has_failed)) {
    return;
  }
  const std::string reason = check.message;
  const Verdict& last = ran.back();
  check.cause = last.cause;
  check.message = last.message;
  check.step = last.step;
  check.awaited = last.awaited;
  check.last_lines = last.last_lines;
  judge(ran, check.cause, check.message);
  check.message += format(k_skipped_again, reason);
}

void note_tries(CheckResult& check, std::span<const Verdict> tries) {
  if (check.cause == Cause::skip) {
    keep_failure(check, tries);
    return;
  }
  std::vector<Verdict> own;
  std::transform(tries.begin(), tries.end(), std::back_inserter(own),
                 [&check](const Verdict& tried) { return verdict_in(tried, check.name); });
  judge(own, check.cause, check.message);
}

// What the programs of all stages say on stderr is in base.log until that has so many bytes, or as
// many as log-limit allows a log.
constexpr std::uint64_t k_most_said = 16 << 20;
constexpr Duration k_hardly_any(100);
constexpr std::size_t k_read_of_console = 16384;
constexpr std::size_t k_kept_console_lines = 20;
constexpr std::size_t k_longest_console_line = 300; // of those

class SubtestRun {
public:
  SubtestRun(const Definition& definition, const Subtest& subtest, const RunSettings& settings,
             TimeBudget& budget, EndRequest& request, Tries& tries)
    : m_definition(definition)
    , m_subtest(subtest)
    , m_settings(settings)
    , m_budget(budget)
    , m_request(request)
    , m_tries(tries) {}

  Outcome run();

private:
  // The day has passed until which the subtest was said to be unstable.
  void warn_of_old_flake() const;
  std::string unmet_by_emulators();
  // Why it is not even begun: there is no time for it, or this program is to end. Else a pass.
  Verdict not_begun() const;
  // Leaves the verdict of a subtest that is not run, so that nobody takes that of an earlier run
  // for it.
  void leave_unrun(const std::string& wanted, const Verdict& verdict);
  // Adds the options of the run, and what came of the tries before.
  void leave_verdict(const std::string& run_dir, Verdict& verdict) const;
  // The same for all tries.
  const RunDirectory& directory(const std::string& wanted);
  // Makes it empty, but for the tries before, and begins its base.log.
  void begin_run_directory(const std::string& run_dir);
  Verdict run_here(const std::string& run_dir);
  // Waits for the turn of the subtest's machines; the clock does not run yet. False if this program
  // is to end before that.
  bool admit();
  // What a run has left in its scratch folder cannot be removed.
  void warn_of_leftover(const std::string& message);
  Verdict run_in_time();
  Verdict run_phases();
  PlanInput plan_input() const;
  // What a stage has left for those after it, and for the verdict of all; it began `start` seconds
  // after the first one.
  void keep(const Verdict& left, const std::string& stage, double start);
  std::string stage_name(std::size_t phase, const char* part) const;
  std::uint64_t most_said() const;
  // The verdict of the stage that decided, with what is known of all of them.
  Verdict of_all_stages(Verdict verdict, const std::string& run_dir) const;
  std::vector<std::string> last_console_lines(const std::string& vm,
                                              const std::string& run_dir) const;
  // True if the run goes on; else `m_verdict` is what came of it.
  bool run_command(const std::string& run_dir, const std::vector<std::string>& words,
                   const std::string& stage);

  const Definition& m_definition;
  const Subtest& m_subtest;
  const RunSettings& m_settings;
  TimeBudget& m_budget;
  EndRequest& m_request;
  Tries& m_tries;
  Reservation m_reservation;
  Scene m_scene;
  Demand m_demand;
  AdmissionLimits m_limits = admission_limits();
  std::optional<Admission> m_admission;
  std::optional<BaseLog> m_log;
  std::optional<SubtestTime> m_time;
  std::map<std::string, std::string> m_saved; // of all phases, as are these
  std::vector<Mark> m_marks;
  std::vector<StepTime> m_steps;
  std::vector<CheckResult> m_checks;
  UniqueNames m_names; // of these
  std::vector<Touch> m_touched;
  std::string m_start, m_end; // of the first and last dialogue
  double m_seconds = 0;
  double m_stood_still = 0; // of the time since the first stage began: a person was there
  Verdict m_verdict;
  Outcome m_outcome;
};

Outcome SubtestRun::run() {
  warn_of_old_flake();
  const std::string wanted = run_dir_of(m_definition, m_subtest, m_settings);
  if (const Verdict verdict = not_begun(); verdict.cause != Cause::pass) {
    m_outcome.begun = false;
    leave_unrun(wanted, verdict);
    return std::move(m_outcome);
  }
  std::string unmet = unmet_on_host(requirements_of(m_definition, m_subtest, m_settings));
  if (unmet.empty()) {
    m_scene = set_scene(m_definition, m_subtest, m_settings, wanted, m_reservation);
    m_outcome.emulator = m_scene.main.program;
    unmet = m_scene.missing.empty() ? unmet_by_emulators() : m_scene.missing;
  }
  if (!unmet.empty()) {
    leave_unrun(wanted, verdict_of(Cause::skip, unmet));
    return std::move(m_outcome);
  }
  const std::string path = directory(m_scene.run_dir).path();
  if (path != m_scene.run_dir) {
    m_scene = set_scene(m_definition, m_subtest, m_settings, path, m_reservation);
  }
  m_outcome.run_dir = path;
  m_outcome.verdict = run_here(path);
  return std::move(m_outcome);
}

const RunDirectory& SubtestRun::directory(const std::string& wanted) {
  if (!m_tries.directory) {
    m_tries.directory.emplace(wanted, m_settings.repeater);
  }
  return *m_tries.directory;
}

void SubtestRun::warn_of_old_flake() const {
  const auto flaky = m_subtest.required.find("flaky");
  const std::string warning =
      flaky == m_subtest.required.end() ? "" : flaky_warning(flaky_of(*flaky));
  if (!warning.empty()) {
    log_warning(format("{}: flaky: {}", full_name(m_definition, m_subtest), warning));
  }
}

Verdict SubtestRun::not_begun() const {
  if (m_request.received()) {
    return verdict_of(Cause::host, "not run: ended by " + signal_name(*m_request.received()));
  }
  return m_budget.is_used_up()
             ? verdict_of(Cause::timeout, "not run: the time is used up; " + m_budget.spent())
             : Verdict();
}

void SubtestRun::leave_unrun(const std::string& wanted, const Verdict& verdict) {
  m_outcome.verdict = verdict;
  const std::string path = directory(wanted).path();
  const std::size_t before = m_tries.verdicts.size();
  begin_run_directory(path);
  m_log->write(format("{}: {}", cause_name(verdict.cause), verdict.message));
  leave_verdict(path, m_outcome.verdict);
  if (m_outcome.verdict.cause != Cause::skip) { // that of the try before stands
    m_outcome.run_dir = path;
    m_outcome.log_dir = before > 0 ? path + "/" + try_folder(before) : "";
  }
}

void SubtestRun::leave_verdict(const std::string& run_dir, Verdict& verdict) const {
  m_tries.verdicts.push_back(verdict);
  note_tries(verdict, m_tries.verdicts);
  complete_checks(verdict, m_settings.checks);
  verdict.options = option_words(m_settings);
  verdict.arguments = m_settings.arguments;
  write_verdict(run_dir, verdict);
}

void SubtestRun::begin_run_directory(const std::string& run_dir) {
  std::vector<std::string> left;
  if (const std::size_t before = m_tries.verdicts.size(); before > 0) {
    set_try_aside(run_dir, before);
  } else {
    left = make_empty_directory(run_dir);
  }
  m_log.emplace(run_dir, "qt-tap");
  m_log->write(format("subtest {} of {}", m_subtest.name, m_definition.path));
  for (const std::string& message : left) {
    warn_of_leftover(message);
  }
}

std::string SubtestRun::unmet_by_emulators() {
  SceneProbe probe(m_subtest, m_scene);
  const std::string unmet = probe.unmet();
  if (!unmet.empty() || !m_limits.any()) {
    return unmet;
  }
  m_demand = probe.demand(m_limits.memory ? SceneProbe::Count::machines_and_memory
                                          : SceneProbe::Count::machines);
  return m_limits.refusal(m_demand);
}

bool SubtestRun::admit() {
  if (!m_limits.any() || m_demand.vms == 0) {
    return true;
  }
  m_admission.emplace(admission_folder());
  m_log->write(
      format("waiting for its turn: {} machines, {} MiB", m_demand.vms, m_demand.memory >> 20));
  const Clock::time_point start = Clock::now();
  const bool admitted = m_admission->wait(m_demand, m_limits, m_request.fd(), Deadline::never());
  const auto waited = std::chrono::duration_cast<Duration>(Clock::now() - start);
  m_log->write(
      format("{} after {} in the queue", admitted ? "admitted" : "ended", format_duration(waited)));
  if (!admitted) {
    m_verdict = ended_by(m_request);
    m_verdict.message += format(" after {} in the queue that {} and {} make; give the runner "
                                "a longer time-out, or fewer tests at once",
                                format_duration(waited), k_max_vms_variable, k_max_memory_variable);
  }
  return admitted;
}

Verdict SubtestRun::run_here(const std::string& run_dir) {
  begin_run_directory(run_dir);
  make_directories(m_scene.scratch);
  m_reservation.open_socket_folder(m_scene.scratch);
  const Lookup lookup = [this, &run_dir](std::string_view name) -> std::optional<std::string> {
    const auto value = m_scene.values.values.find(std::string(name));
    if (value == m_scene.values.values.end()) {
      return name == "log" ? std::optional(run_dir) : std::nullopt;
    }
    return value->second;
  };
  // A runner that ends this program soon after --timeout does not stop its clock meanwhile.
  const Deadline deadline =
      m_settings.timeout ? Deadline::after(scaled(*m_settings.timeout)) : Deadline::never();
  const Prepared prepared = prepare(m_scene.preparation, lookup, deadline, m_request,
                                    [this](std::string_view line) { m_log->write(line); });
  Verdict verdict;
  if (m_request.received()) {
    verdict = ended_by(m_request);
  } else if (prepared.cause != Cause::pass) {
    verdict = verdict_of(prepared.cause, prepared.message);
  } else if (!admit()) {
    verdict = m_verdict;
  } else {
    verdict = run_in_time();
    if (const std::string replaced = say_replaced(prepared.used); !replaced.empty()) {
      const bool is_kept = is_failure(verdict.cause);
      verdict.message = is_kept ? format("{}; {}", verdict.message, replaced) : replaced;
      verdict.cause = is_kept ? verdict.cause : Cause::host;
      verdict.checks.clear(); // they may be of another file
    }
  }
  leave_verdict(run_dir, verdict);
  m_log->write(format("{}: {}", cause_name(verdict.cause), verdict.message));
  if (!m_settings.keeps_scratch()) {
    try {
      remove_tree(m_scene.scratch);
    } catch (const Error& error) { // what the test has found out holds all the same
      warn_of_leftover(error.what());
    }
  }
  return verdict;
}

void SubtestRun::warn_of_leftover(const std::string& message) {
  m_log->write(message);
  log_warning(format("{}: {}; it stays, and the next run begins without it",
                     full_name(m_definition, m_subtest), message));
}

// Where the time of all subtests together was what passed, it is told which of them had it.
Verdict SubtestRun::run_in_time() {
  const std::optional<Duration> before = m_budget.left();
  const std::string spent = m_budget.spent();
  const Clock::time_point begin = Clock::now();
  m_time.emplace(m_budget, m_subtest.timeout);
  Verdict verdict = run_phases();
  const std::optional<Duration> after = m_budget.left();
  m_time.reset();
  m_budget.note(m_subtest.name, std::chrono::duration<double>(Clock::now() - begin).count());
  const bool is_late = verdict.cause == Cause::timeout || verdict.cause == Cause::idle_timeout;
  if (is_late && !spent.empty() && *after <= std::max(*before / 8, k_hardly_any)) {
    verdict.message += format("; only {} were left of the {}",
                              seconds_text(std::chrono::duration<double>(*before).count()), spent);
  }
  return verdict;
}

Verdict SubtestRun::run_phases() {
  struct Part {
    const char* name;
    std::vector<std::string> PhasePlan::*words;
  };
  constexpr std::array<Part, 3> k_parts = {Part{"prepare", &PhasePlan::prepare},
                                           Part{"steps", &PhasePlan::chain},
                                           Part{"verify", &PhasePlan::verify}};
  Verdict last;
  std::string run_dir;
  const Clock::time_point begin = Clock::now();
  for (std::size_t i = 0; i < m_subtest.phases.size(); ++i) {
    for (const Part& part : k_parts) {
      const PhasePlan plan = plan_phase(m_subtest, i, plan_input());
      make_directories(plan.run_dir);
      if ((plan.*part.words).empty()) {
        continue;
      }
      run_dir = plan.run_dir;
      const std::string stage = stage_name(i, part.name);
      const double start =
          std::chrono::duration<double>(Clock::now() - begin).count() - m_stood_still;
      const bool passed = run_command(plan.run_dir, plan.*part.words, stage);
      const Verdict left = read_verdict(plan.run_dir).value_or(Verdict());
      keep(left, stage, start);
      if (!passed && m_verdict.cause != Cause::check) {
        m_verdict.stage = stage;
        return of_all_stages(m_verdict, run_dir);
      }
      if (part.words == &PhasePlan::chain) {
        last = passed ? left : m_verdict;
      }
    }
  }
  return of_all_stages(last, run_dir);
}

std::string SubtestRun::stage_name(std::size_t phase, const char* part) const {
  return m_subtest.phases.size() == 1 ? part : format("phase {}: {}", phase + 1, part);
}

std::uint64_t SubtestRun::most_said() const {
  std::uint64_t most = k_most_said;
  for (const Phase& phase : m_subtest.phases) {
    most = std::min(most, parse_size(phase.dialogue.value("log-limit", "")).value_or(most));
  }
  return most;
}

Verdict SubtestRun::of_all_stages(Verdict verdict, const std::string& run_dir) const {
  verdict.steps = m_steps;
  verdict.marks = m_marks;
  verdict.checks = m_checks;
  verdict.touched = m_touched;
  verdict.start = m_start;
  verdict.end = m_end;
  verdict.seconds = m_seconds;
  count_failed_checks(verdict);
  if (is_failure(verdict.cause) && verdict.last_lines.empty()) {
    verdict.last_lines = last_console_lines(verdict.vm, run_dir);
  }
  return verdict;
}

// Of several machines, where none is meant, those of each, with its name.
std::vector<std::string> SubtestRun::last_console_lines(const std::string& vm,
                                                        const std::string& run_dir) const {
  std::vector<std::string> names = {vm.empty() ? k_default_vm : vm};
  const std::vector<Vm>& vms = m_subtest.phases.back().vms;
  if (vm.empty() && vms.size() > 1) {
    names.clear();
    std::transform(vms.begin(), vms.end(), std::back_inserter(names),
                   [](const Vm& one) { return one.name; });
  }
  std::vector<std::string> lines;
  for (const std::string& name : names) {
    for (const std::string& line :
         last_lines(read_tail(console_log_path(run_dir, name), k_read_of_console),
                    std::max<std::size_t>(k_kept_console_lines / names.size(), 1),
                    k_longest_console_line)) {
      lines.push_back((names.size() > 1 ? name + ": " : "") + line);
    }
  }
  return lines;
}

PlanInput SubtestRun::plan_input() const {
  PlanInput input = m_scene.plan_input(m_settings);
  input.saved = m_saved;
  input.timeout = m_time->for_dialogue();
  return input;
}

void SubtestRun::keep(const Verdict& left, const std::string& stage, double start) {
  for (const auto& [name, value] : left.saved) {
    m_saved[name] = value;
  }
  for (Mark mark : left.marks) {
    mark.at += start;
    m_marks.push_back(std::move(mark));
  }
  for (StepTime step : left.steps) {
    step.stage = stage;
    step.start += start;
    m_steps.push_back(std::move(step));
  }
  for (CheckResult check : left.checks) {
    check.start += start;
    check.name = m_names.take(check.name); // each dialogue gives it once
    m_checks.push_back(std::move(check));
  }
  for (const Touch& touch : left.touched) {
    m_touched.push_back({m_subtest.phases.size() == 1 && stage == "steps"
                             ? touch.at
                             : format("{}: {}", stage, touch.at),
                         touch.seconds});
    m_stood_still += touch.seconds;
    m_time->give_back(
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(touch.seconds)));
  }
  m_start = m_start.empty() ? left.start : m_start;
  m_end = left.end.empty() ? m_end : left.end;
  m_seconds = start + left.seconds;
}

bool SubtestRun::run_command(const std::string& run_dir, const std::vector<std::string>& words,
                             const std::string& stage) {
  m_log->write("$ " + shell_join(words));
  remove_tree(run_dir + "/verdict.json");
  const UniqueFd null = open_file("/dev/null", O_WRONLY);
  SpawnOptions options;
  options.standard_output = null.get(); // a console without a reader is in console.log all the same
  options.environment = {
      {k_run_dir_variable, run_dir}, {k_vms_variable, ""}, {k_stage_variable, stage}};
  if (m_admission) {
    options.environment.emplace_back(k_admitted_variable, "1");
  }
  options.keep = m_reservation.descriptors();
  StageEnd end;
  const std::uint64_t most = most_said();
  std::uint64_t said = 0;
  bool is_left_out = false;
  try {
    const bool may_be_held = m_settings.on_fail != "end" || !m_settings.breaks.empty();
    const bool has_viewer = may_be_held || is_debugged(m_settings);
    end = run_stage(words, options, may_be_held ? Deadline::never() : m_time->deadline(), m_request,
                    [&](std::string_view line) {
                      said += line.size() + 1;
                      is_left_out = is_left_out || m_log->written() + line.size() >= most;
                      if (!is_left_out) {
                        m_log->write(line);
                      }
                      if (has_viewer) { // it says how to look at the machine
                        log_plain(line);
                      }
                    });
  } catch (const Error& error) {
    m_verdict = verdict_of(Cause::host, error.what());
    return false;
  }
  if (is_left_out) {
    m_log->write(format("the programs said {} in all; the rest is left out but for its end:",
                        format_size(said)));
    for (const std::string& line : end.last_lines) {
      m_log->write(line);
    }
  }
  if (end.by == StageEnd::By::itself && exit_status_of(end.status.wait_status) == 0) {
    return true;
  }
  m_verdict = stage_verdict(run_dir, end, m_request);
  m_outcome.said = end.last_lines;
  m_outcome.log_dir = run_dir;
  return false;
}

} // namespace

RunDirectory::RunDirectory(const std::string& wanted, const std::string& repeater)
  : m_path(wanted)
  , m_lock(lock_folder(wanted, repeater)) {
  for (int i = 2; !m_lock; ++i) {
    m_path = format("{}.{}", wanted, i);
    m_lock = lock_folder(m_path, repeater);
  }
}

void remove_repetitions(const std::string& wanted) {
  for (const std::string& path : repetitions_of(wanted)) {
    if (const std::optional<FileLock> lock = lock_folder(path, "")) {
      remove_tree(path);
    }
  }
}

void set_try_aside(const std::string& run_dir, std::size_t number) {
  std::set<std::string> stay;
  for (std::size_t i = 1; i <= number; ++i) {
    stay.insert(try_folder(i));
  }
  const std::string folder = run_dir + "/" + try_folder(number);
  make_directories(folder);
  std::error_code error;
  for (const std::string& name : names_in(run_dir, error)) {
    const std::string from = run_dir + "/" + name;
    if (!stay.contains(name) && std::rename(from.c_str(), (folder + "/" + name).c_str()) < 0) {
      throw errno_error(errno, format("moving {} into {}", from, folder));
    }
  }
  if (error) {
    throw errno_error(error.value(), "reading " + run_dir);
  }
}

bool asks_for_retry(const Verdict& verdict, Retried retried) {
  if (!has_failed(verdict) || retried == Retried::all) {
    return has_failed(verdict);
  }
  return (verdict.cause == Cause::check || can_be_hosts(verdict.cause)) &&
         std::all_of(verdict.checks.begin(), verdict.checks.end(), [](const CheckResult& check) {
           return !is_failure(check.cause) || can_be_hosts(check.cause);
         });
}

void note_tries(Verdict& verdict, std::span<const Verdict> tries) {
  const std::size_t number = tries.size();
  if (number < 2) {
    return;
  }
  if (verdict.cause == Cause::skip) {
    keep_failure(verdict, tries[number - 2]);
  } else {
    for (CheckResult& check : verdict.checks) {
      note_tries(check, tries);
    }
    if (std::none_of(tries.begin(), tries.end(),
                     [](const Verdict& tried) { return is_failure(tried.cause); })) {
      count_failed_checks(verdict); // there is nothing to be said of the rest
    }
    judge(tries, verdict.cause, verdict.message);
    count_failed_checks(verdict);
  }
  for (std::size_t i = 0; i + 1 < number; ++i) {
    const Verdict& tried = tries[i];
    verdict.tries.push_back({try_folder(i + 1), tried.cause, tried.message, tried.seconds});
  }
}

Outcome run_subtest(const Definition& definition, const Subtest& subtest,
                    const RunSettings& settings, TimeBudget& budget, EndRequest& request,
                    Tries& tries) noexcept {
  const std::size_t before = tries.verdicts.size();
  try {
    return SubtestRun(definition, subtest, settings, budget, request, tries).run();
  } catch (const std::exception& error) {
    Outcome outcome;
    outcome.verdict = verdict_of(Cause::host, error.what());
    tries.verdicts.resize(before);
    tries.verdicts.push_back(outcome.verdict);
    note_tries(outcome.verdict, tries.verdicts);
    return outcome;
  }
}

} // namespace qt
