#include "expect/monitor_step.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "expect/host_step.hh"
#include "expect/reply_check.hh"
#include "qemu/hmp_reply.hh"
#include "schema/key.hh"

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

void save(const StepRun& run, const Json& value) {
  const Json* const saves = run.step.find("save");
  if (saves == nullptr) {
    return;
  }
  for (const auto& [name, saved] : saves->items()) {
    const std::string where = place_of(saved);
    const Json* const came = json_at(value, where);
    const Json* const found = came != nullptr ? came : default_of(saved);
    if (found == nullptr) {
      run.fail(Cause::assertion,
               format("nothing to save as '{}' at '{}' of {}", name, where, shorten(value)));
    }
    run.saved.keep(name, *found);
  }
}

void show(const StepRun& run, const std::string& reply) {
  if (run.show_reply) {
    run.show_reply(reply);
  }
}

void judge_error(const StepRun& run, const Json& reply) {
  const std::string wanted = run.step.text("error");
  const Json* const error = json_at(reply, "/error");
  if (error == nullptr) {
    run.fail(
        Cause::assertion,
        format("asked the error {}, but it succeeded with {}", wanted, shorten(reply.at("return"))),
        {{"reply", kept(reply)}});
  }
  const std::string name = error->value("class", "");
  const std::string text = error->value("desc", "");
  if (name != wanted || text.find(run.step.text("desc")) == std::string::npos) {
    run.fail(Cause::assertion,
             format("asked the error {}{}, came {}: {}", wanted,
                    run.step.text("desc").empty() ? "" : format(" '{}'", run.step.text("desc")),
                    name, text),
             {{"reply", kept(reply)}});
  }
}

// One question with every check but "until". Gives what is wrong with the reply as far as "until"
// goes, nothing if the step is done.
ReplyMistake qmp_once(const StepRun& run, const ReplyMistake& before) {
  const std::string command = run.step.text("qmp");
  const Json* const arguments = run.step.find("arguments");
  const Json reply = ask(run, command, arguments != nullptr ? *arguments : Json(), before);
  if (run.step.find("error") != nullptr) {
    judge_error(run, reply);
    return {};
  }
  if (const Json* const error = json_at(reply, "/error")) {
    fail_with_reply(run, command,
                    {format("{}: {}", error->value("class", ""), error->value("desc", "")), {}},
                    reply);
  }
  const Json& result = reply.at("return");
  ReplyMistake mistake;
  const Json* const value = narrowed(run.step, result, mistake);
  const Json* const until = run.step.find("until");
  if (until != nullptr && value != nullptr) {
    mistake = difference(run.step.text("at"), *value, *until);
  }
  if (until != nullptr && mistake) {
    return mistake;
  }
  if (value != nullptr) {
    mistake = reply_mistake(run.step, *value);
  }
  if (mistake) {
    fail_with_reply(run, command, mistake, reply);
  }
  save(run, *value);
  show(run, dump_json_indented(result));
  run.log.matched(run.guest->name(), format("{}: {}", command, shorten(result)));
  return {};
}

// Asks until `ask_once` finds nothing wrong any more. It is given, and gives, what "until" lacks.
template<typename AskOnce>
void ask_until(const StepRun& original, const std::string& asked, const AskOnce& ask_once) {
  StepRun run = original;
  if (run.step.find("until") != nullptr && run.limit.deadline.is_never()) {
    run.limit = {Deadline::after(k_polling), format_duration(k_polling)};
  }
  ReplyMistake last;
  for (unsigned times = 1; (last = ask_once(run, last)); ++times) {
    last.text = format("the reply to '{}', asked {} times, was last: {}", asked, times, last.text);
    const Deadline again = Deadline::after(run.every);
    while (!again.expired()) {
      if (run.late()) {
        run.time_out(last.text, {{"diff", last.diff}});
      }
      run.turn(again);
    }
  }
}

ReplyMistake hmp_once(const StepRun& run, const ReplyMistake& before) {
  const std::string line = run.step.text("hmp");
  const Json reply = ask(run, "human-monitor-command", {{"command-line", line}}, before);
  const Json* const output = json_at(reply, "/return");
  if (output == nullptr || !output->is_string()) {
    fail_with_reply(run, line, {shorten(reply), {}}, reply);
  }
  if (const Json* const until = run.step.find("until")) {
    Step wanted = run.step;
    wanted.values = {{"matches", *until}};
    if (ReplyMistake mistake = reply_mistake(wanted, *output)) {
      return mistake;
    }
  }
  if (const ReplyMistake mistake = reply_mistake(run.step, *output)) {
    fail_with_reply(run, line, mistake, reply);
  }
  const auto has = [&run](std::string_view check) { return run.step.find(check) != nullptr; };
  if (!has("matches") && !has("lacks") && !has("until")) {
    if (const std::string error = hmp_error(line, output->get<std::string>()); !error.empty()) {
      fail_with_reply(run, line, {error, {}}, reply);
    }
  }
  save_by_regex(run, output->get<std::string>());
  show(run, output->get<std::string>());
  run.log.matched(run.guest->name(), format("{}: {}", line, shorten(*output)));
  return {};
}

void event(const StepRun& run) {
  const std::string name = run.step.text("event");
  const Json* const data = run.step.find("data");
  std::deque<Json>& events = run.guest->qmp().events(); // since the last step that did something
  ReplyMistake other;                                   // of the last that came with other data
  unsigned others = 0;
  bool all_is_told = false;
  const auto is_wanted = [&](const Json& candidate) {
    if (candidate.at("event") != name) {
      return false;
    }
    const ReplyMistake mistake =
        data != nullptr ? difference("", candidate.at("data"), *data) : ReplyMistake();
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
        monitor_gone(run, format("the event {} came{}", name, came));
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

} // namespace

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

void run_monitor_step(const StepRun& run) {
  run.loop.check(nullptr);
  switch (run.step.type) {
  case StepType::qmp:
    return ask_until(run, run.step.text("qmp"), qmp_once);
  case StepType::hmp:
    return ask_until(run, run.step.text("hmp"), hmp_once);
  case StepType::event:
    return event(run);
  default:
    break;
  }
}

} // namespace qt
