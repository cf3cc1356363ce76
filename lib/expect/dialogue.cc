#include "expect/dialogue.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "expect/console_step.hh"
#include "expect/dialogue_check.hh"
#include "expect/dialogue_loop.hh"
#include "expect/guest_step.hh"
#include "expect/host_step.hh"
#include "expect/machine_step.hh"
#include "expect/timeline.hh"
#include "ipc/run_dir.hh"

#include <algorithm>
#include <set>

namespace qt {

namespace {

constexpr Duration k_end{30000};      // for machines to end in, where the dialogue has no deadline
constexpr Duration k_least_end{1000}; // and at least, where it has hardly passed before that
constexpr std::size_t k_last_lines = 20;
constexpr const char* k_touched_before = "the start";
constexpr std::uint32_t k_listening = in(StepType::wait, StepType::wait_regex, StepType::event);

class Runner {
public:
  explicit Runner(const Dialogue& dialogue)
    : m_dialogue(dialogue)
    , m_defaults(read_defaults(dialogue.defaults))
    , m_saved(m_defaults.values)
    , m_log(dialogue.run_dir.empty() ? "" : dialogue_log_path(dialogue.run_dir),
            m_defaults.log_limit, dialogue.stage)
    , m_loop(dialogue.vms, make_watch(), m_log)
    , m_limits(m_defaults.modifiers) {
    for (const VmChannels& vm : dialogue.vms) {
      for (const int fd : {vm.console, vm.qmp, vm.exit}) {
        if (fd >= 0) {
          m_channels.push_back(fd);
        }
      }
    }
    for (const Check& check : dialogue.checks) {
      m_names.take(check.name);
    }
    if (dialogue.vms.empty() && !dialogue.run_dir.empty()) { // else qt-boot looks after it
      m_loop.look_after(size_of_run(dialogue.run_dir, m_defaults.log_limit));
    }
  }

  void check();
  DialogueResult run();

private:
  Watch make_watch() const {
    std::vector<Pattern> failures = m_defaults.modifiers.failures;
    for (Pattern& failure : failures) {
      failure.text = m_saved.put_into(failure.text);
    }
    return {failures, m_defaults.strips_ansi ? Watch::Escapes::strip : Watch::Escapes::keep,
            m_defaults.modifiers.printk, m_defaults.log_limit};
  }

  // What a step has at hand; `modifiers` and `words` must outlive it.
  StepRun run_with(const Modifiers& modifiers, const std::string& words, Guest* guest,
                   TimeLimit limit);
  StepRun no_step(Guest* guest, TimeLimit limit);
  void run_steps(std::size_t first, std::size_t end);
  // Runs a check and keeps its result. Throws what ends the dialogue, after keeping it too.
  void run_check(std::size_t index);
  void run_step(const Step& original, const std::string& words);
  void skip_other_checks(Verdict& verdict) const;
  // Adds the results of the guest's own tests: "NAME", or "CHECK/NAME" in a check.
  void keep_guest_tests(const std::string& check);
  // Consoles that no step from this one on looks at need not be kept: a guest that goes on saying
  // more than the limit of the logs would stand still, and never end or do what is awaited.
  void keep_consoles_for(std::size_t first);
  void set_mark(const Modifiers& step);
  void find_breaks();
  // The machine that is shown at this step: its own, or the first that has a console.
  Guest* shown_at(std::size_t step);
  void show(Guest& guest, const std::string& why);
  void break_at_step();
  // Where something has failed, before anything is ended.
  void break_at_failure(const DialogueEnd& end);
  // Somebody had a hand in the machines in the step that runs.
  void note_touched(Duration stood_still);
  void watch();
  void finish();
  DialogueResult judge(const DialogueEnd& end);
  // The same, and leaves the verdict.
  DialogueResult decide(const DialogueEnd& end);
  // A failure, with a person's look at it.
  DialogueResult fail(const DialogueEnd& end);
  void name_step(Verdict& verdict, const DialogueEnd& end);
  [[noreturn]] void give_up(const std::string& message, ExitCode code);
  std::vector<std::string> last_lines_of(const std::string& vm) const;
  void write(const Verdict& verdict);

  const Dialogue& m_dialogue;
  const DialogueDefaults m_defaults;
  SavedValues m_saved;
  DialogueLog m_log;
  DialogueLoop m_loop;
  std::vector<int> m_channels;
  TimeLimits m_limits;
  std::map<std::string, std::string> m_judged_exits;
  Timeline m_timeline;
  std::vector<CheckResult> m_checks;
  std::vector<CheckResult> m_guest_tests; // of steps that have ended, not among m_checks yet
  UniqueNames m_names;                    // of m_checks and all checks to come
  std::set<std::size_t> m_break_steps;
  bool m_breaks_at_failure = false;
  bool m_has_shown_failure = false;
  std::vector<Touch> m_touched;
  std::size_t m_step = 0; // number of the step that runs, from 1; 0 before the first
};

void Runner::check() {
  check_steps(m_dialogue.steps, m_dialogue.defaults, m_loop, m_defaults.vm);
  find_breaks();
}

void Runner::find_breaks() {
  for (const std::string& word : m_dialogue.breaks) {
    const std::optional<std::size_t> step = step_number(m_dialogue.steps, word);
    if (word == k_break_at_failure) {
      m_breaks_at_failure = true;
    } else if (step) {
      m_break_steps.insert(*step);
    } else {
      throw no_such_step(format("there is no step '{}'; the steps are", word),
                         numbered_steps(m_dialogue.steps));
    }
    const Guest* const shown = shown_at(word == k_break_at_failure ? 0 : *step);
    if (const std::string wrong = visit_mistake(shown, m_dialogue.run_dir); !wrong.empty()) {
      throw Error(format("option --break: {}", wrong), ExitCode::usage);
    }
  }
}

Guest* Runner::shown_at(std::size_t step) {
  const auto& guests = m_loop.guests();
  if (step >= 1 && step <= m_dialogue.steps.size()) {
    if (Guest* const own = guest_of(m_dialogue.steps[step - 1], m_loop, m_defaults.vm)) {
      return own;
    }
  }
  const auto found = std::find_if(guests.begin(), guests.end(),
                                  [](const auto& guest) { return guest->has_console(); });
  return found == guests.end() ? nullptr : found->get();
}

void Runner::show(Guest& guest, const std::string& why) {
  m_timeline.end_step();
  m_log.note(format("a person gets the terminal: {}", why));
  const std::optional<Duration> took =
      visit(m_loop, guest, m_dialogue.run_dir,
            format("qt-expect: {}; the machine '{}' is yours until Ctrl-a x", why, guest.name()));
  if (!took) {
    m_log.note(format("nobody came: {}", guest.describe_end()));
    return;
  }
  m_limits.put_off(*took);
  m_timeline.leave_out(*took);
  note_touched(*took);
  m_log.note(format("the person has left after {}",
                    seconds_text(std::chrono::duration<double>(*took).count())));
}

void Runner::break_at_step() {
  if (m_break_steps.contains(m_step)) {
    show(*shown_at(m_step),
         format("before step {} ({})", m_step, describe_step(m_dialogue.steps[m_step - 1])));
    m_loop.check(nullptr);
  }
}

void Runner::break_at_failure(const DialogueEnd& end) {
  if (!m_breaks_at_failure || end.signal != 0 || end.cause == Cause::skip) {
    return;
  }
  m_has_shown_failure = true;
  Guest* shown = shown_at(m_step);
  for (const auto& guest : m_loop.guests()) {
    shown = guest->name() == end.vm && guest->has_console() ? guest.get() : shown;
  }
  const std::string where =
      m_step >= 1 && m_step <= m_dialogue.steps.size() ? format("step {}: ", m_step) : "";
  if (shown != nullptr && shown->has_console()) {
    show(*shown, format("{}{}", where, end.message));
  }
}

void Runner::note_touched(Duration stood_still) {
  bool is_touched = stood_still > Duration::zero();
  for (const auto& guest : m_loop.guests()) {
    if (guest->take_touched_before() &&
        (m_touched.empty() || m_touched.front().at != k_touched_before)) {
      m_touched.insert(m_touched.begin(), {k_touched_before});
    }
    is_touched = guest->take_touched() || is_touched;
  }
  if (!is_touched) {
    return;
  }
  const bool is_step = m_step >= 1 && m_step <= m_dialogue.steps.size();
  const std::string at = is_step ? format("step {}", m_step) : "the end";
  if (m_touched.empty() || m_touched.back().at != at) {
    m_touched.push_back({at});
  }
  m_touched.back().seconds += std::chrono::duration<double>(stood_still).count();
}

void Runner::keep_consoles_for(std::size_t first) {
  const std::vector<Step>& steps = m_dialogue.steps;
  for (const auto& guest : m_loop.guests()) {
    const auto looks_at_it = [&](const Step& step) {
      return needs_console(step.type) && guest_of(step, m_loop, m_defaults.vm) == guest.get();
    };
    if (guest->has_console() && std::none_of(steps.begin() + static_cast<std::ptrdiff_t>(first),
                                             steps.end(), looks_at_it)) {
      guest->console().keep_no_more();
    }
  }
}

void Runner::run_step(const Step& original, const std::string& words) {
  Step step = original;
  if (step.type == StepType::shell && !m_defaults.prompt.empty()) {
    step.values.emplace("prompt", m_defaults.prompt); // its own if it has one
  }
  step.values = m_saved.put_into_all(step.values);
  if (step.values != original.values) {
    check_filled_step(step);
  }
  const bool does_nothing = (bit(step.type) & k_listening) != 0;
  for (const auto& guest : m_loop.guests()) {
    guest->begin_step();
    if (!does_nothing) {
      guest->forget_events();
    }
  }
  const Action action = read_action(step);
  const Modifiers modifiers = read_modifiers(step, m_defaults.modifiers);
  const StepRun run =
      run_with(modifiers, words, guest_of(step, m_loop, m_defaults.vm), m_limits.of(modifiers));
  std::visit([&run](const auto& kind) { qt::run_step(run, kind); }, action);
  set_mark(modifiers);
}

void Runner::set_mark(const Modifiers& step) {
  if (step.mark.empty()) {
    return;
  }
  const std::string late = m_timeline.mark(step.mark, scaled(step.budget));
  m_log.note(late.empty() ? format("mark '{}'", step.mark) : late);
  if (!late.empty() && m_defaults.has_strict_budgets) {
    DialogueEnd end;
    end.message = late;
    end.details = {{"mark", step.mark}};
    throw end;
  }
}

StepRun Runner::run_with(const Modifiers& modifiers, const std::string& words, Guest* guest,
                         TimeLimit limit) {
  return {m_loop,
          m_log,
          modifiers,
          words,
          guest,
          std::move(limit),
          m_limits.idle_of(modifiers),
          m_saved,
          m_judged_exits,
          m_channels,
          m_dialogue.show_reply,
          m_guest_tests};
}

// For what is awaited of a machine without being a step.
StepRun Runner::no_step(Guest* guest, TimeLimit limit) {
  static const std::string nothing;
  return run_with(m_defaults.modifiers, nothing, guest, std::move(limit));
}

// Without steps only failure texts are looked for, until the machines are over.
void Runner::watch() {
  for (const auto& guest : m_loop.guests()) {
    const StepRun run = no_step(guest.get(), m_limits.total());
    while (!guest->over()) {
      if (run.late()) {
        run.time_out("");
      }
      run.turn(Deadline::never(), guest->has_console() ? guest.get() : nullptr);
      m_loop.check(nullptr);
    }
  }
}

// Everything has passed; machines that still run are to end, and what they say and tell then counts
// too, to the last byte. qt-boot ends them, or waits with us for those that are to end by
// themselves.
void Runner::finish() {
  m_log.note("end");
  TimeLimit limit = m_limits.total();
  if (limit.deadline.is_never()) {
    limit = {Deadline::after(scaled(k_end)), scaled_text(k_end)};
  } else if (limit.deadline.remaining() < k_least_end) {
    limit.deadline = Deadline::after(k_least_end);
  }
  m_loop.check(nullptr);
  for (const auto& guest : m_loop.guests()) {
    if (guest->has_exit() && !guest->end() && !guest->over()) {
      guest->request_end(ExitRequest::done);
    }
  }
  for (const auto& guest : m_loop.guests()) {
    const StepRun run = no_step(guest.get(), limit);
    while (guest->has_exit() && !guest->over()) {
      if (run.late()) {
        run.time_out("QEMU still runs");
      }
      run.loop.turn(limit.deadline);
    }
    if (guest->has_console()) {
      guest->console().settle();
    }
    if (guest->failure()) { // it has no time left to be silent in
      DialogueLoop::throw_failure(*guest, *guest->failure());
    }
  }
  m_loop.check(nullptr);
}

std::vector<std::string> Runner::last_lines_of(const std::string& vm) const {
  for (const auto& guest : m_loop.guests()) {
    if (guest->has_console() && (guest->name() == vm || vm.empty())) {
      return guest->console().last_lines(k_last_lines);
    }
  }
  return {};
}

void Runner::write(const Verdict& verdict) {
  m_log.note(verdict.cause == Cause::pass ? "pass" : verdict.message);
  if (!verdict.touched.empty()) {
    m_log.note(touched_text(verdict));
  }
  m_log.flush(DialogueLog::Lines::end_all);
  if (!m_dialogue.run_dir.empty()) {
    write_verdict(m_dialogue.run_dir, verdict);
  }
}

void Runner::name_step(Verdict& verdict, const DialogueEnd& end) {
  const Step& step = m_dialogue.steps[m_step - 1];
  verdict.step = describe_step(step);
  verdict.message = format("step {} ({}): {}", m_step, verdict.step, end.message);
  verdict.awaited = m_saved.put_into(awaited_text(read_action(step)));
  if (verdict.vm.empty() && needs_machine(step.type)) {
    verdict.vm = guest_of(step, m_loop, m_defaults.vm)->name();
  }
}

DialogueResult Runner::decide(const DialogueEnd& end) {
  DialogueResult result = judge(end);
  write(result.verdict);
  return result;
}

DialogueResult Runner::judge(const DialogueEnd& end) {
  keep_guest_tests("");
  DialogueResult result;
  Verdict& verdict = result.verdict;
  verdict.cause = end.cause;
  verdict.vm = end.vm;
  m_timeline.put_into(verdict);
  verdict.saved = m_saved.all();
  verdict.judged_exits = m_judged_exits;
  verdict.details = end.details;
  verdict.checks = m_checks;
  note_touched(Duration::zero());
  verdict.touched = m_touched;
  verdict.message = end.message;
  if (m_step > 0 && m_step <= m_dialogue.steps.size()) {
    name_step(verdict, end);
  } else if (end.cause != Cause::pass && end.cause != Cause::check) {
    verdict.message = format("after the last step: {}", end.message);
  }
  const bool late = end.late || end.cause == Cause::timeout || end.cause == Cause::idle_timeout;
  if (end.cause != Cause::pass && end.cause != Cause::check) {
    verdict.last_lines = last_lines_of(verdict.vm);
    if (late && !verdict.last_lines.empty()) {
      verdict.message += format("; the last console line is '{}'", verdict.last_lines.back());
    }
  }
  if (end.cause == Cause::skip) { // the reason alone is what people read
    verdict.message = end.message;
    if (!failed_checks_text(m_checks).empty()) { // of tests that the guest has run
      skip_other_checks(verdict);
    }
  }
  result.exit_code = end.signal != 0                ? 128 + end.signal
                     : end.cause == Cause::pass     ? static_cast<int>(ExitCode::done)
                     : verdict.cause == Cause::skip ? static_cast<int>(ExitCode::absent)
                     : late                         ? static_cast<int>(ExitCode::deadline)
                                                    : static_cast<int>(ExitCode::failed);
  return result;
}

// What is skipped after a check has failed.
void Runner::skip_other_checks(Verdict& verdict) const {
  std::vector<std::string> names;
  std::transform(m_dialogue.checks.begin(), m_dialogue.checks.end(), std::back_inserter(names),
                 [](const Check& check) { return check.name; });
  complete_checks(verdict, names);
  count_failed_checks(verdict);
}

void Runner::run_steps(std::size_t first, std::size_t end) {
  for (m_step = first + 1; m_step <= end; ++m_step) {
    const Step& step = m_dialogue.steps[m_step - 1];
    const std::string words = describe_step(step);
    m_log.note(format("step {}: {}", m_step, words));
    break_at_step();
    m_timeline.begin_step(words);
    keep_consoles_for(m_step - 1);
    run_step(step, words);
    note_touched(Duration::zero());
  }
}

void Runner::keep_guest_tests(const std::string& check) {
  for (CheckResult& test : m_guest_tests) {
    test.name = m_names.take(check.empty() ? test.name : format("{}/{}", check, test.name));
    test.start = m_timeline.seconds();
    m_checks.push_back(std::move(test));
  }
  m_guest_tests.clear();
}

void Runner::run_check(std::size_t index) {
  const std::vector<Check>& checks = m_dialogue.checks;
  const bool is_last = index + 1 == checks.size();
  CheckResult result;
  result.name = checks[index].name;
  result.start = m_timeline.seconds();
  m_log.note(format("check '{}'", result.name));
  try {
    run_steps(checks[index].first, is_last ? m_dialogue.steps.size() : checks[index + 1].first);
    result.seconds = m_timeline.seconds() - result.start;
    m_checks.push_back(result);
    keep_guest_tests(result.name);
  } catch (const DialogueEnd& end) {
    Verdict verdict;
    verdict.vm = end.vm;
    name_step(verdict, end);
    result.cause = end.cause;
    // The reason of a skip is for people as it is.
    result.message = end.cause == Cause::skip ? end.message : verdict.message;
    result.step = verdict.step;
    result.awaited = verdict.awaited;
    result.last_lines = last_lines_of(verdict.vm);
    result.seconds = m_timeline.seconds() - result.start;
    m_checks.push_back(result);
    keep_guest_tests(result.name);
    const bool goes_on = end.cause == Cause::assertion || end.cause == Cause::skip;
    if (!goes_on || end.signal != 0 || end.late) {
      throw;
    }
    break_at_failure(end);
    m_log.note(format("check '{}': {}", result.name, result.message));
  }
}

// What the named checks amount to, where everything else has passed.
DialogueEnd end_of_checks(const std::vector<CheckResult>& checks) {
  const std::string failed = failed_checks_text(checks);
  DialogueEnd end;
  end.cause = failed.empty() ? Cause::pass : Cause::check;
  end.message = failed.empty() ? "passed" : failed;
  return end;
}

DialogueResult Runner::run() {
  try {
    run_steps(0, m_dialogue.checks.empty() ? m_dialogue.steps.size()
                                           : m_dialogue.checks.front().first);
    keep_guest_tests("");
    for (std::size_t i = 0; i < m_dialogue.checks.size(); ++i) {
      run_check(i);
    }
    m_step = m_dialogue.steps.size() + 1;
    m_timeline.end_step();
    keep_consoles_for(m_dialogue.steps.size());
    if (m_dialogue.steps.empty()) {
      watch();
    }
    const DialogueEnd end = end_of_checks(m_checks);
    if (end.cause != Cause::pass && !m_has_shown_failure) { // a test that the guest has run
      break_at_failure(end);
    }
    finish();
    return decide(end);
  } catch (const DialogueEnd& end) {
    return fail(end);
  } catch (const Error& error) {
    give_up(error.what(), error.code());
  } catch (const std::exception& error) {
    give_up(error.what(), ExitCode::internal);
  }
}

// What is known now is the verdict, whatever the person does and however that ends.
DialogueResult Runner::fail(const DialogueEnd& end) {
  DialogueResult result = judge(end);
  if (m_breaks_at_failure && !m_dialogue.run_dir.empty()) {
    write_verdict(m_dialogue.run_dir, result.verdict);
  }
  try {
    break_at_failure(end);
  } catch (const DialogueEnd& later) {
    m_log.note(later.message);
  } catch (const Error& error) {
    m_log.note(error.what());
  }
  result.verdict.touched = m_touched;
  write(result.verdict);
  return result;
}

// It cannot be judged: says so in the verdict too.
void Runner::give_up(const std::string& message, ExitCode code) {
  DialogueEnd end;
  end.cause = Cause::host;
  end.message = message;
  throw Error(decide(end).verdict.message, code);
}

} // namespace

bool needs_machine(const Dialogue& dialogue) {
  return dialogue.defaults.contains("fail") ||
         std::any_of(dialogue.steps.begin(), dialogue.steps.end(),
                     [](const Step& step) { return needs_machine(step.type); });
}

DialogueResult run_dialogue(const Dialogue& dialogue) {
  Runner runner(dialogue);
  runner.check();
  return runner.run();
}

} // namespace qt
