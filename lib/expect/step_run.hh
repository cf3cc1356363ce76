// What a step has at hand while it runs: the loop in which it waits, its machine, its deadline and
// what the dialogue has saved. The functions that run steps read from top to bottom; what they find
// wrong leaves them as a DialogueEnd.
#pragma once

#include "base/duration.hh"
#include "data/json.hh"
#include "expect/action.hh"
#include "expect/dialogue_loop.hh"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// What a dialogue has kept under names (groups of a regular expression, "save"), and how later
// steps use it: "${name}" in any text of a step becomes the value if `name` has been kept. Every
// other "${…}" is left as it is: it belongs to the guest's shell. "$${" is a literal "${" in any
// case (substitute.hh: this is the last pass).
class SavedValues {
public:
  SavedValues() = default;
  // The members of an object, as keep() does it.
  explicit SavedValues(const Json& given);
  // A string is kept as it is, any other value as JSON text.
  void keep(const std::string& name, const Json& value);

  std::string put_into(std::string_view text) const;
  // Into every string of a value, names of members aside.
  Json put_into_all(const Json& value) const;

  const std::map<std::string, std::string>& all() const noexcept { return m_values; }

private:
  std::map<std::string, std::string> m_values;
};

// The deadlines of a dialogue: of the whole, of one step, and for the silence of a console. What
// names them is multiplied here (timeout_multiplier.hh).

// A deadline and how to say it: "30s", or "90s (the whole dialogue)".
struct TimeLimit {
  Deadline deadline = Deadline::never();
  std::string text;
};

// How long the console may be silent while something is awaited on it. Any byte counts, also the
// echo of what is typed; silence from before the limit began does not.
struct IdleLimit {
  Duration span;
  std::string text;
  Clock::time_point begun = Clock::now();

  Deadline silent_at(Clock::time_point heard_at) const;
};

class TimeLimits {
public:
  // Of the whole dialogue, whose time begins now. Throws Error(ExitCode::usage) for a wrong
  // multiplier.
  explicit TimeLimits(const Modifiers& dialogue);

  const TimeLimit& total() const noexcept { return m_total; }
  // Nobody was there to keep to the dialogue's time for so long.
  void put_off(Duration span);
  // The step's own deadline, which begins now, or the dialogue's, whichever is earlier.
  TimeLimit of(const Modifiers& step) const;
  // Begins now; nothing if there is none. The dialogue's where the step names none.
  std::optional<IdleLimit> idle_of(const Modifiers& step) const;

private:
  TimeLimit m_total;
  std::optional<Duration> m_idle; // as named
};

inline constexpr std::size_t k_most_output = 64U * 1024 * 1024; // of a command

struct StepRun {
  DialogueLoop& loop;
  DialogueLog& log;
  const Modifiers& modifiers;
  const std::string& words; // the step, for people
  Guest* guest;             // the machine meant; nullptr if the dialogue has none
  TimeLimit limit;
  std::optional<IdleLimit> idle;
  SavedValues& saved;
  std::map<std::string, std::string>& judged_exits;
  const std::vector<int>& channels; // of all machines, for host commands
  const std::function<void(const std::string& text)>& show_reply; // may be empty
  std::vector<CheckResult>& guest_tests; // of this step: names as the guest gives them

  [[noreturn]] void fail(Cause cause, std::string message, Json details = Json::object()) const;
  // The limit had passed when the loop looked last, and what had come by then was not enough.
  bool late() const { return loop.missed(limit.deadline); }
  // Fails because the limit has passed. `what` says what is missing; may be empty.
  [[noreturn]] void time_out(const std::string& what, Json details = Json::object()) const;
  // Fails if the machine is over: what the step wants cannot come any more.
  void need_guest(std::string_view wanted) const;

  // "; N of M typed bytes were not taken by the guest", and the numbers put into `details`; empty
  // if it has taken all. Waits for qt-boot's answer, 200 ms at most.
  std::string untaken(Json& details) const;

  // A turn of the loop until the limit or, if earlier, `until`. With `awaited`, the machine on
  // whose console the step waits, its silence counts too: DialogueEnd if it has lasted for too
  // long.
  void turn(Deadline until = Deadline::never(), const Guest* awaited = nullptr) const;
  // Turns until `span` has passed; time_out() if the limit comes first.
  void pause(Duration span) const;

  // Fails if the awaited console has been silent for too long.
  void check_silence(const Console& console) const;
};

} // namespace qt
