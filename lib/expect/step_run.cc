#include "expect/step_run.hh"

#include "base/format.hh"
#include "base/substitute.hh"
#include "base/timeout_multiplier.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr Duration k_answer{200}; // of qt-boot

} // namespace

SavedValues::SavedValues(const Json& given) {
  for (const auto& [name, value] : given.items()) {
    keep(name, value);
  }
}

void SavedValues::keep(const std::string& name, const Json& value) {
  m_values[name] = value.is_string() ? value.get<std::string>() : dump_json(value);
}

std::string SavedValues::put_into(std::string_view text) const {
  const auto saved = [this](std::string_view name) {
    const auto found = m_values.find(std::string(name));
    return found == m_values.end() ? std::nullopt : std::optional(found->second);
  };
  return substitute(text, saved, Pass::last);
}

Json SavedValues::put_into_all(const Json& value) const {
  return with_texts_changed(value, [this](const std::string& text) { return put_into(text); });
}

Deadline IdleLimit::silent_at(Clock::time_point heard_at) const {
  return Deadline::at(std::max(begun, heard_at) + span);
}

TimeLimits::TimeLimits(const Modifiers& dialogue)
  : m_idle(dialogue.idle_timeout) {
  if (const std::optional<Duration> total = scaled(dialogue.timeout)) {
    m_total = {Deadline::after(*total),
               format("{} (the whole dialogue)", scaled_text(*dialogue.timeout))};
  }
}

void TimeLimits::put_off(Duration span) { m_total.deadline = qt::put_off(m_total.deadline, span); }

TimeLimit TimeLimits::of(const Modifiers& step) const {
  if (step.timeout) {
    const Deadline deadline = Deadline::after(scaled(*step.timeout));
    if (m_total.deadline.is_never() || deadline.remaining() < m_total.deadline.remaining()) {
      return {deadline, scaled_text(*step.timeout)};
    }
  }
  return m_total;
}

std::optional<IdleLimit> TimeLimits::idle_of(const Modifiers& step) const {
  const std::optional<Duration> span = step.idle_timeout ? step.idle_timeout : m_idle;
  return span ? std::optional(IdleLimit{scaled(*span), scaled_text(*span)}) : std::nullopt;
}

void StepRun::fail(Cause cause, std::string message, Json details) const {
  DialogueEnd end;
  end.cause = cause;
  end.message = std::move(message);
  end.vm = guest != nullptr ? guest->name() : "";
  end.details = std::move(details);
  throw end;
}

void StepRun::time_out(const std::string& what, Json details) const {
  const std::optional<GuestFinding> why = guest != nullptr ? guest->explanation() : std::nullopt;
  DialogueEnd end;
  end.cause = why ? why->cause.value_or(Cause::timeout) : Cause::timeout;
  end.late = true;
  end.message = format("timed out after {}{}{}{}{}{}", limit.text, why ? "; " : "",
                       why ? why->text : "", what.empty() ? "" : "; ", what, untaken(details));
  for (const auto& other : loop.guests()) {
    const std::string full = other->full_console();
    end.message += full.empty() ? "" : "; " + full;
  }
  end.vm = guest != nullptr ? guest->name() : "";
  end.details = std::move(details);
  throw end;
}

std::string StepRun::untaken(Json& details) const {
  if (guest == nullptr || !guest->has_console() || guest->console().to_type() == 0) {
    return "";
  }
  const Console& console = guest->console();
  std::uint64_t count = console.to_type() - console.typed();
  if (guest->has_exit() && !guest->over()) {
    const Deadline answer = Deadline::after(k_answer);
    guest->ask_untaken();
    while (!guest->untaken() && !guest->over() && !loop.missed(answer)) {
      loop.turn(answer, guest);
    }
    count += guest->untaken().value_or(0);
  }
  if (count == 0) {
    return "";
  }
  details["typed-bytes"] = console.to_type();
  details["typed-bytes-not-taken"] = count;
  return format("; {} of {} typed bytes were not taken by the guest", count, console.to_type());
}

void StepRun::need_guest(std::string_view wanted) const {
  if (guest != nullptr && guest->over()) {
    const std::optional<GuestFinding> why = guest->explanation();
    const Cause cause = guest->end_cause();
    const bool is_vague = cause == Cause::console_eof || cause == Cause::qemu_exit;
    fail(why && is_vague ? why->cause.value_or(cause) : cause,
         format("{}{} before {}", why ? why->text + "; " : "", guest->describe_end(), wanted));
  }
}

void StepRun::turn(Deadline until, const Guest* awaited) const {
  const Deadline end = earlier(limit.deadline, until);
  if (awaited == nullptr || !idle) {
    loop.turn(end, awaited);
    return;
  }
  loop.turn(earlier(end, idle->silent_at(awaited->console().heard_at())), awaited);
  check_silence(awaited->console());
}

void StepRun::check_silence(const Console& console) const {
  if (console.ended() || !loop.missed(idle->silent_at(console.heard_at()))) {
    return;
  }
  const double silent = std::chrono::duration<double>(Clock::now() - console.heard_at()).count();
  const std::optional<GuestFinding> why = guest->explanation();
  DialogueEnd end;
  end.cause = why ? why->cause.value_or(Cause::idle_timeout) : Cause::idle_timeout;
  end.late = true;
  end.details = {{"silent-seconds", silent}};
  end.message = format("nothing came on the console for {}; the idle-timeout is {}{}{}{}",
                       seconds_text(silent), idle->text, why ? "; " : "", why ? why->text : "",
                       untaken(end.details));
  end.vm = guest->name();
  throw end;
}

void StepRun::pause(Duration span) const {
  const Deadline end = Deadline::after(span);
  while (!end.expired()) {
    turn(end);
    if (late() && !end.expired()) {
      time_out("");
    }
  }
}

} // namespace qt
