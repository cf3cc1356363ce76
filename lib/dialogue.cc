#include "dialogue.hh"

#include "console_step.hh"
#include "error.hh"
#include "host_step.hh"
#include "monitor_step.hh"
#include "text.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr Duration k_every{100};
constexpr Duration k_end{10000}; // for machines to end in after the last step
constexpr std::size_t k_last_lines = 20;

bool is_console_step(StepType type) { return type <= StepType::interrupt; }
bool is_monitor_step(StepType type) {
  return type == StepType::qmp || type == StepType::hmp || type == StepType::event;
}
bool is_host_step(StepType type) { return type >= StepType::run; }

// What a step waits for, for the report.
std::string awaited_text(const Step& step) {
  switch (step.type) {
  case StepType::wait:
  case StepType::wait_regex:
  case StepType::event:
    return step.text(step_type_name(step.type));
  case StepType::interrupt:
    return step.text("until");
  default:
    return "";
  }
}

Error mistake(std::size_t number, const Step& step, std::string_view what) {
  return Error(format("step {} ({}): {}", number, describe_step(step), what), ExitCode::usage);
}

class Runner {
public:
  explicit Runner(const Dialogue& dialogue)
    : m_dialogue(dialogue)
    , m_log(dialogue.run_dir.empty() ? "" : dialogue_log_path(dialogue.run_dir))
    , m_loop(dialogue.vms, make_watch(), m_log) {
    for (const VmChannels& vm : dialogue.vms) {
      for (const int fd : {vm.console, vm.qmp, vm.exit}) {
        if (fd >= 0) {
          m_channels.push_back(fd);
        }
      }
    }
    if (const std::optional<Duration> total = default_duration("timeout")) {
      m_total = {Deadline::after(*total),
                 format("{} (the whole dialogue)", format_duration(*total))};
    }
  }

  void check_steps();
  DialogueResult run();

private:
  const Json* find_default(std::string_view key) const {
    const auto found = m_dialogue.defaults.find(key);
    return found == m_dialogue.defaults.end() ? nullptr : &*found;
  }
  Watch make_watch() const {
    return {patterns_from(find_default("fail")),
            find_default("strip-ansi") != nullptr ? Watch::Escapes::strip : Watch::Escapes::keep,
            find_default("ignore-printk") != nullptr ? Printk::ignore : Printk::keep};
  }
  std::optional<Duration> default_duration(std::string_view key) const {
    const Json* const value = find_default(key);
    return value != nullptr ? parse_duration(value->get<std::string>()) : std::nullopt;
  }

  Guest* guest_for(const Step& step);
  std::string lacking(const Step& step, const Guest* guest) const;
  void run_step(const Step& original);
  void watch();
  void finish();
  DialogueResult decide(const DialogueEnd& end);
  [[noreturn]] void give_up(const std::string& message, ExitCode code);
  std::vector<std::string> last_lines_of(const std::string& vm) const;
  void write(const Verdict& verdict);

  const Dialogue& m_dialogue;
  DialogueLog m_log;
  DialogueLoop m_loop;
  std::vector<int> m_channels;
  TimeLimit m_total;
  SavedValues m_saved;
  std::map<std::string, std::string> m_judged_exits;
  std::size_t m_step = 0; // number of the step that runs, from 1; 0 before the first
};

// The machine that a step means; nullptr if there is none to mean.
Guest* Runner::guest_for(const Step& step) {
  std::string name = step.text("vm");
  if (name.empty() && find_default("vm") != nullptr) {
    name = find_default("vm")->get<std::string>();
  }
  auto& guests = m_loop.guests();
  if (name.empty() && guests.size() == 1) {
    return guests.front().get();
  }
  std::vector<std::string> names;
  for (const auto& guest : guests) {
    if (guest->name() == name) {
      return guest.get();
    }
    names.push_back(guest->name());
  }
  if (name.empty() && is_host_step(step.type)) {
    return nullptr;
  }
  if (names.empty()) {
    throw Error("there is no machine to talk to; run it under qt-boot", ExitCode::usage);
  }
  throw Error(name.empty()
                  ? format("say which machine is meant with vm: {}", join(names, ", "))
                  : format("there is no machine '{}'; there are: {}", name, join(names, ", ")),
              ExitCode::usage);
}

// What the machine lacks for the step; empty if nothing.
std::string Runner::lacking(const Step& step, const Guest* guest) const {
  if (is_host_step(step.type)) {
    return "";
  }
  if (step.find("console") != nullptr) {
    return "a machine has one console here; leave console out";
  }
  if (is_console_step(step.type) && !guest->has_console()) {
    return format("the machine '{}' has no console", guest->name());
  }
  const bool types = step.type == StepType::line || step.type == StepType::send ||
                     step.type == StepType::interrupt;
  if (types && guest->console().fd() == 0) {
    return "a console read through a pipe cannot be typed on; "
           "use qt-boot … -- QEMU-ARGS -- qt-expect …";
  }
  if (is_monitor_step(step.type) && !guest->has_monitor()) {
    return format("the machine '{}' has no monitor here", guest->name());
  }
  const bool ends =
      step.type == StepType::exit || step.type == StepType::quit || step.type == StepType::kill;
  return ends && !guest->has_exit()
             ? format("nobody tells here how the machine '{}' ends", guest->name())
             : "";
}

void Runner::check_steps() {
  for (std::size_t i = 0; i < m_dialogue.steps.size(); ++i) {
    const Step& step = m_dialogue.steps[i];
    try {
      std::string wrong = step_mistake(step);
      if (wrong.empty()) {
        Guest* const guest = guest_for(step);
        wrong = lacking(step, guest);
        if (step.type == StepType::event && wrong.empty()) {
          guest->qmp().negotiate(); // events that come before the step are kept
          const Json* const data = step.find("data");
          guest->want_event(step.text("event"), data != nullptr ? *data : Json::object());
        }
      }
      if (!wrong.empty()) {
        throw Error(wrong, ExitCode::usage);
      }
      for (const Pattern& pattern : patterns_from(step.find("fail"))) {
        Matcher({pattern});
      }
      for (const auto& [name, value] : step.values.items()) {
        const Key* const key = find_step_key(step.type, name);
        if (key != nullptr && key->type == Type::regex) {
          Regex(value.get<std::string>());
        }
      }
    } catch (const Error& error) {
      throw mistake(i + 1, step, error.what());
    }
  }
}

void Runner::run_step(const Step& original) {
  Step step = original;
  step.values = m_saved.put_into_all(original.values);
  TimeLimit limit = m_total;
  if (const std::optional<Duration> own = parse_duration(step.text("timeout"))) {
    const Deadline deadline = Deadline::after(*own);
    if (limit.deadline.is_never() || deadline.remaining() < limit.deadline.remaining()) {
      limit = {deadline, format_duration(*own)};
    }
  }
  for (const auto& guest : m_loop.guests()) {
    guest->begin_step();
  }
  StepRun run = {m_loop,
                 m_log,
                 step,
                 guest_for(step),
                 limit,
                 default_duration("pace").value_or(Duration(0)),
                 default_duration("every").value_or(k_every),
                 m_saved,
                 m_judged_exits,
                 m_channels};
  run.pace = run.duration("pace", run.pace);
  run.every = run.duration("every", run.every);
  if (is_console_step(step.type)) {
    run_console_step(run);
  } else if (is_host_step(step.type)) {
    run_host_step(run);
  } else {
    run_monitor_step(run);
  }
}

// Without steps only failure texts are looked for, until the machines are over.
void Runner::watch() {
  for (const auto& guest : m_loop.guests()) {
    while (!guest->over()) {
      if (m_total.deadline.expired()) {
        throw DialogueEnd{
            Cause::timeout, "timed out after " + m_total.text, guest->name(), "", {}, 0};
      }
      m_loop.turn(m_total.deadline);
    }
  }
}

// Everything has passed; machines that still run are to end, and what they say then counts too.
void Runner::finish() {
  m_log.note("end");
  const Deadline deadline = earlier(Deadline::after(k_end), m_total.deadline);
  m_loop.check(nullptr);
  for (const auto& guest : m_loop.guests()) {
    if (guest->has_exit() && guest->end().empty() && !guest->over()) {
      guest->request_end(Guest::Request::done);
    }
  }
  const auto running = [](const auto& guest) { return guest->has_exit() && !guest->over(); };
  auto& guests = m_loop.guests();
  while (std::any_of(guests.begin(), guests.end(), running) && !deadline.expired()) {
    m_loop.turn(deadline);
  }
  for (const auto& guest : guests) {
    if (guest->has_console()) {
      guest->console().settle();
    }
  }
  m_loop.check(nullptr);
}

std::vector<std::string> Runner::last_lines_of(const std::string& vm) const {
  for (const auto& guest : const_cast<DialogueLoop&>(m_loop).guests()) {
    if (guest->has_console() && (guest->name() == vm || vm.empty())) {
      return guest->console().last_lines(k_last_lines);
    }
  }
  return {};
}

void Runner::write(const Verdict& verdict) {
  m_log.note(verdict.cause == Cause::pass ? "pass" : verdict.message);
  m_log.flush(DialogueLog::Lines::end_all);
  if (!m_dialogue.run_dir.empty()) {
    write_verdict(m_dialogue.run_dir, verdict);
  }
}

DialogueResult Runner::decide(const DialogueEnd& end) {
  DialogueResult result;
  Verdict& verdict = result.verdict;
  verdict.cause = end.cause;
  verdict.vm = end.vm;
  verdict.seconds = m_log.seconds();
  verdict.judged_exits = m_judged_exits;
  verdict.details = end.details;
  verdict.message = end.message;
  if (m_step > 0 && m_step <= m_dialogue.steps.size()) {
    const Step& step = m_dialogue.steps[m_step - 1];
    verdict.step = describe_step(step);
    verdict.message = format("step {} ({}): {}", m_step, verdict.step, end.message);
    verdict.awaited = m_saved.put_into(awaited_text(step));
    if (verdict.vm.empty() && !is_host_step(step.type)) {
      const Guest* const guest = guest_for(step);
      verdict.vm = guest != nullptr ? guest->name() : "";
    }
  } else if (end.cause != Cause::pass) {
    verdict.message = format("after the last step: {}", end.message);
  }
  if (end.cause != Cause::pass) {
    verdict.last_lines = last_lines_of(verdict.vm);
    if (end.cause == Cause::timeout && !verdict.last_lines.empty()) {
      verdict.message += format("; the last console line is '{}'", verdict.last_lines.back());
    }
  }
  const bool late = end.late || end.cause == Cause::timeout || end.cause == Cause::idle_timeout;
  result.exit_code = end.signal != 0            ? 128 + end.signal
                     : end.cause == Cause::pass ? static_cast<int>(ExitCode::done)
                     : late                     ? static_cast<int>(ExitCode::deadline)
                                                : static_cast<int>(ExitCode::failed);
  write(verdict);
  return result;
}

DialogueResult Runner::run() {
  try {
    for (const Step& step : m_dialogue.steps) {
      ++m_step;
      m_log.note(format("step {}: {}", m_step, describe_step(step)));
      run_step(step);
    }
    ++m_step;
    if (m_dialogue.steps.empty()) {
      watch();
    }
    finish();
    DialogueEnd pass;
    pass.cause = Cause::pass;
    pass.message = "passed";
    return decide(pass);
  } catch (const DialogueEnd& end) {
    return decide(end);
  } catch (const Error& error) {
    give_up(error.what(), error.code());
  } catch (const std::exception& error) {
    give_up(error.what(), ExitCode::internal);
  }
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
                     [](const Step& step) { return !is_host_step(step.type); });
}

DialogueResult run_dialogue(const Dialogue& dialogue) {
  Runner runner(dialogue);
  runner.check_steps();
  return runner.run();
}

} // namespace qt
