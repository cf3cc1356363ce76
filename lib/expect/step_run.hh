// What a step has at hand while it runs: the loop in which it waits, its machine, its deadline and
// what the dialogue has saved. The functions that run steps read from top to bottom; what they find
// wrong leaves them as a DialogueEnd.
#pragma once

#include "expect/action.hh"
#include "expect/dialogue_loop.hh"
#include "expect/saved_values.hh"
#include "expect/time_limit.hh"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace qt {

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
