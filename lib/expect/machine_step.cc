#include "expect/machine_step.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "expect/host_step.hh"
#include "expect/reply_check.hh"
#include "qemu/qmp.hh"

#include <algorithm>
#include <utility>

namespace qt {

namespace {

constexpr Duration k_polling{30000}; // a question asked again and again always has a deadline
constexpr Duration k_news{2000};     // of QEMU's end, after that of its monitor

// The monitor has ended; what qt-boot knows of the machine may still be on its way.
void take_last_news(const StepRun& run) {
  const Deadline news = Deadline::after(k_news);
  while (!run.guest->over() && !run.loop.missed(news)) {
    run.turn(earlier(news, run.guest->over_at()));
  }
}

// To be called after take_last_news().
[[noreturn]] void monitor_gone(const StepRun& run, const std::string& wanted) {
  const std::string remark = run.guest->qmp().remark();
  run.need_guest(wanted + remark);
  run.fail(Cause::qemu_exit, format("the monitor closed before {}{}", wanted, remark));
}

// Asks and gives the whole reply. `before`: for a time-out, what is to be said of the replies that
// came before; empty for the first.
Json ask(const StepRun& run, const std::string& command, const Json& arguments,
         const ReplyMistake& before = {}) {
  Qmp& qmp = run.guest->qmp();
  const std::uint64_t id = qmp.execute(command, arguments);
  for (;;) {
    if (std::optional<Json> reply = qmp.take_reply(id)) {
      return std::move(*reply);
    }
    if (run.guest->monitor_ended()) {
      take_last_news(run);
      monitor_gone(run, format("it answered '{}'", command));
    }
    if (run.late()) {
      run.time_out(format("'{}' was not answered{}{}{}", command, qmp.remark(), before ? "; " : "",
                          before.text),
                   {{"diff", before.diff}});
    }
    run.turn();
  }
}

// A reply for the verdict: whole, unless it would make the file unreadable.
Json kept(const Json& reply) {
  constexpr std::size_t k_longest = 16384;
  const std::string text = dump_json(reply);
  return text.size() <= k_longest ? reply : Json(cut_json(text, k_longest));
}

[[noreturn]] void fail_with_reply(const StepRun& run, const std::string& asked,
                                  const ReplyMistake& mistake, const Json& reply) {
  Json details = {{"reply", kept(reply)}};
  if (!mistake.diff.empty()) {
    details["diff"] = mistake.diff;
  }
  run.fail(Cause::assertion, format("{}: {}", asked, mistake.text), std::move(details));
}

void save_by_pointer(const StepRun& run, const std::vector<Save>& saves, const Json& value) {
  for (const Save& save : saves) {
    const Json* const found = json_at(value, save.place);
    if (found == nullptr && !save.otherwise) {
      run.fail(Cause::assertion, format("nothing to save as '{}' at '{}' of {}", save.name,
                                        save.place, shorten(value)));
    }
    run.saved.keep(save.name, found != nullptr ? *found : Json(*save.otherwise));
  }
}

void show(const StepRun& run, const std::string& reply) {
  if (run.show_reply) {
    run.show_reply(reply);
  }
}

void judge_error(const StepRun& run, const AskQmp& step, const Json& reply) {
  const std::string& wanted = step.error_class;
  const Json* const error = json_at(reply, "/error");
  if (error == nullptr) {
    run.fail(
        Cause::assertion,
        format("asked the error {}, but it succeeded with {}", wanted, shorten(reply.at("return"))),
        {{"reply", kept(reply)}});
  }
  const std::string name = error->value("class", "");
  const std::string text = error->value("desc", "");
  if (name != wanted || text.find(step.error_text) == std::string::npos) {
    run.fail(Cause::assertion,
             format("asked the error {}{}, came {}: {}", wanted,
                    step.error_text.empty() ? "" : format(" '{}'", step.error_text), name, text),
             {{"reply", kept(reply)}});
  }
}

// One question with every check but "until". Gives what is wrong with the reply as far as "until"
// goes, nothing if the step is done.
ReplyMistake ask_once(const StepRun& run, const AskQmp& step, const ReplyMistake& before) {
  const Json reply = ask(run, step.command, step.arguments, before);
  if (!step.error_class.empty()) {
    judge_error(run, step, reply);
    return {};
  }
  if (const Json* const error = json_at(reply, "/error")) {
    fail_with_reply(run, step.command,
                    {format("{}: {}", error->value("class", ""), error->value("desc", "")), {}},
                    reply);
  }
  const Json& result = reply.at("return");
  ReplyMistake mistake;
  const Json* const value = narrowed(step.checks.at, result, mistake);
  if (step.until && value != nullptr) {
    mistake = difference(step.checks.at, *value, *step.until);
  }
  if (step.until && mistake) {
    return mistake;
  }
  if (value != nullptr) {
    mistake = reply_mistake(step.checks, *value);
  }
  if (mistake) {
    fail_with_reply(run, step.command, mistake, reply);
  }
  save_by_pointer(run, step.saves, *value);
  show(run, dump_json_indented(result));
  run.log.matched(run.guest->name(), format("{}: {}", step.command, shorten(result)));
  return {};
}

ReplyMistake ask_once(const StepRun& run, const AskHmp& step, const ReplyMistake& before) {
  Json reply = ask(run, "human-monitor-command", {{"command-line", step.line}}, before);
  if (!json_member(reply, "return").is_string()) {
    fail_with_reply(run, step.line, {shorten(reply), {}}, reply);
  }
  auto& text = reply["return"].get_ref<std::string&>();
  std::erase(text, '\r'); // before each line end, for a terminal
  const Json& output = reply["return"];
  if (step.until) {
    ReplyChecks wanted;
    wanted.matches = step.until;
    if (ReplyMistake mistake = reply_mistake(wanted, output)) {
      return mistake;
    }
  }
  if (const ReplyMistake mistake = reply_mistake(step.checks, output)) {
    fail_with_reply(run, step.line, mistake, reply);
  }
  if (!step.checks.matches && !step.checks.lacks && !step.until) {
    if (const std::string error = hmp_error(step.line, text); !error.empty()) {
      fail_with_reply(run, step.line, {error, {}}, reply);
    }
  }
  save_by_regex(run, step.saves, text);
  show(run, text);
  run.log.matched(run.guest->name(), format("{}: {}", step.line, shorten(output)));
  return {};
}

// Asks until ask_once() finds nothing wrong any more. It is given, and gives, what "until" lacks.
template<typename Ask>
void ask_until(const StepRun& original, const std::string& asked, const Ask& step) {
  original.loop.check(nullptr);
  StepRun run = original;
  if (step.until && run.limit.deadline.is_never()) {
    run.limit = {Deadline::after(k_polling), format_duration(k_polling)};
  }
  ReplyMistake last;
  for (unsigned times = 1; (last = ask_once(run, step, last)); ++times) {
    last.text = format("the reply to '{}', asked {} times, was last: {}", asked, times, last.text);
    const Deadline again = Deadline::after(run.modifiers.every);
    while (!again.expired()) {
      if (run.late()) {
        run.time_out(last.text, {{"diff", last.diff}});
      }
      run.turn(again);
    }
  }
}

// Waits until it is known how QEMU ended and gives that.
ExitStatus await_end(const StepRun& run) {
  while (!run.guest->end()) {
    if (run.guest->over()) {
      run.fail(Cause::host, "the machine is gone, but nobody told how it ended");
    }
    if (run.late()) {
      run.time_out("QEMU still runs");
    }
    run.turn();
  }
  return *run.guest->end();
}

void end_machine(const StepRun& run, ExitRequest request) {
  if (run.guest->end()) {
    run.fail(Cause::qemu_exit, format("{} before it was asked to", run.guest->describe_end()));
  }
  run.guest->request_end(request);
  const ExitStatus end = await_end(run);
  run.judged_exits[run.guest->name()] = end.text();
  if (request == ExitRequest::quit && end.code() != 0) {
    run.fail(run.guest->end_cause() == Cause::qemu_crash ? Cause::qemu_crash : Cause::qemu_exit,
             format("asked to quit, {}", run.guest->describe_end()));
  }
}

// Ends a QEMU that nobody else ends for us: asks its monitor to, and waits until that has closed.
void quit_by_monitor(const StepRun& run) {
  Qmp& qmp = run.guest->qmp();
  qmp.execute("quit", Json());
  while (!run.guest->monitor_ended()) {
    if (run.late()) {
      run.time_out("QEMU still runs");
    }
    run.turn();
  }
}

} // namespace

void run_step(const StepRun& run, const AwaitExit& step) {
  run.loop.check(nullptr);
  const ExitStatus end = await_end(run);
  if (const std::optional<GuestFinding> found = run.guest->failure()) {
    run.loop.throw_failure(*run.guest, *found);
  }
  run.judged_exits[run.guest->name()] = end.text();
  if (end.by_signal()) {
    while (!run.guest->over()) { // its last words may hold a failure text
      run.turn(run.guest->over_at());
    }
    run.fail(Cause::qemu_crash, run.guest->describe_end());
  }
  if (end.code() == 1 && step.status.value_or(1) == 1 && !run.guest->has_monitor()) {
    run.fail(Cause::qemu_exit,
             format("{}, as after a panic, and no monitor tells (qmp = false); the key exit of the "
                    "machine (--exit of qt-boot) can tell",
                    run.guest->describe_end()));
  }
  if (step.status && *step.status != end.code()) {
    run.fail(Cause::qemu_exit,
             format("asked exit status {}, {}", *step.status, run.guest->describe_end()));
  }
}

void run_step(const StepRun& run, const Quit&) {
  run.loop.check(nullptr);
  run.guest->has_exit() ? end_machine(run, ExitRequest::quit) : quit_by_monitor(run);
}

void run_step(const StepRun& run, const Kill&) {
  run.loop.check(nullptr);
  end_machine(run, ExitRequest::kill);
}

void run_step(const StepRun& run, const KeepRunning& step) {
  run.loop.check(nullptr);
  const Deadline end = Deadline::after(step.span);
  while (!end.expired()) {
    run.turn(end);
    if (run.guest->over() || run.guest->end()) {
      break;
    }
    if (run.late() && !end.expired()) {
      run.time_out("");
    }
  }
  if (run.guest->end()) {
    run.fail(run.guest->crashed() ? Cause::qemu_crash : Cause::qemu_exit,
             run.guest->describe_end());
  }
  run.need_guest("the time was over");
}

void run_step(const StepRun& run, const AskQmp& step) { ask_until(run, step.command, step); }

void run_step(const StepRun& run, const AskHmp& step) { ask_until(run, step.line, step); }

void run_step(const StepRun& run, const AwaitEvent& step) {
  run.loop.check(nullptr);
  std::deque<Json>& events = run.guest->qmp().events(); // since the last step that did something
  ReplyMistake other;                                   // of the last that came with other data
  unsigned others = 0;
  bool all_is_told = false;
  const auto is_wanted = [&](const Json& candidate) {
    if (candidate.at("event") != step.name) {
      return false;
    }
    const ReplyMistake mistake = difference("", candidate.at("data"), step.data);
    others += mistake ? 1 : 0;
    other = mistake ? mistake : other;
    return !mistake;
  };
  for (;; others = 0) {
    const auto found = std::find_if(events.begin(), events.end(), is_wanted);
    if (found != events.end()) {
      run.log.matched(run.guest->name(), shorten(*found));
      events.erase(events.begin(), std::next(found)); // the next one awaited comes after it
      return;
    }
    const std::string came =
        others == 0 ? "" : format("; {} came with other data, last: {}", others, other.text);
    if (run.guest->monitor_ended()) {
      if (std::exchange(all_is_told, true)) {
        monitor_gone(run, format("the event {} came{}", step.name, came));
      }
      take_last_news(run); // the event may be among it
      continue;
    }
    if (run.late()) {
      run.time_out(others == 0 ? "" : came.substr(2), {{"diff", other.diff}});
    }
    run.turn();
  }
}

} // namespace qt
