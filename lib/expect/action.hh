// What the steps of a dialogue say, as types. A step's keys are read here once, when it starts and
// the saved values are put in; the functions that run steps know no names of keys.
#pragma once

#include "base/duration.hh"
#include "console/pattern.hh"
#include "console/torn_match.hh"
#include "data/json.hh"
#include "expect/reply_check.hh"
#include "schema/step.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace qt {

// A value that later steps use under a name.
struct Save {
  std::string name;
  std::string place;                    // JSON pointer or regular expression, as the step has it
  std::optional<std::string> otherwise; // without it, it is a failure if nothing is there
};

// How a command must end, on the host or in the guest.
struct CommandChecks {
  bool is_status_named = false;  // if not, 77 is a skip of a host command
  std::optional<int> status = 0; // nullopt: any
  Json output = Json::array();   // Type::checks
  std::vector<Save> saves;       // by regular expressions
};

// --- on the console

struct Wait {
  Pattern awaited;
};
struct TypeLine {
  std::string text;
};
struct TypeKeys {
  std::string keys;
};
struct Interrupt {
  std::string keys;
  std::string until;
};
struct RunInGuest {
  std::string command;
  CommandChecks checks;
  std::string prompt; // empty: not waited for
};
struct ReadTests {
  std::string until; // empty: the plan is complete
};

// --- at the monitor

struct AskQmp {
  std::string command;
  Json arguments;          // null: none
  std::string error_class; // not empty: the reply is this error …
  std::string error_text;  // … and contains this
  ReplyChecks checks;
  std::optional<Json> until;
  std::vector<Save> saves; // by JSON pointers
};
struct AskHmp {
  std::string line;
  ReplyChecks checks;
  std::optional<std::string> until; // regular expression
  std::vector<Save> saves;          // by regular expressions
};
struct AwaitEvent {
  std::string name;
  Json data = Json::object();
};

// --- the machine's end

struct AwaitExit {
  std::optional<int> status; // nullopt: any
};
struct Quit {};
struct Kill {};
struct KeepRunning {
  Duration span;
};

// --- on the host

struct RunCommand {
  std::vector<std::string> argv;
  CommandChecks checks;
};
struct CheckFile {
  std::string path;
  std::string sha256; // empty: not asked for; the same below
  std::string matches;
  std::string lacks;
  std::uint64_t least = 0; // bytes
};
struct FetchFile {
  std::string url;
  std::string sha256;
};
struct CheckPort {
  std::string where; // HOST:PORT
  bool is_open = true;
  bool tries_again = false; // until the step's own deadline
};
struct Sleep {
  Duration span;
};

using Action = std::variant<Wait, TypeLine, TypeKeys, Interrupt, RunInGuest, ReadTests, AskQmp,
                            AskHmp, AwaitEvent, AwaitExit, Quit, Kill, KeepRunning, RunCommand,
                            CheckFile, FetchFile, CheckPort, Sleep>;

// What steps of all kinds may say. Times are as named, not multiplied.
struct Modifiers {
  std::vector<Pattern> failures; // of this step alone
  Printk printk = Printk::keep;
  Duration pace{0}; // zero: none
  Duration every{100};
  std::optional<Duration> timeout;
  std::optional<Duration> idle_timeout;
  std::string mark; // empty: none
  std::optional<Duration> budget;
};

// What a whole dialogue is given, before its first step.
struct DialogueDefaults {
  Modifiers modifiers; // `timeout`: of the whole dialogue
  bool strips_ansi = false;
  bool has_strict_budgets = false;
  std::uint64_t log_limit = 0;
  std::string prompt;           // of shell steps that name none; empty: none
  std::string vm;               // of steps that name none; empty: the only one
  Json values = Json::object(); // saved before the first step
};

// From the normal form of keys: `values` by dialogue_keys().
DialogueDefaults read_defaults(const Json& values);
// The step must be of the right form (step_mistake()).
Action read_action(const Step& step);
// `otherwise` has what the step does not say of printk, pace and every.
Modifiers read_modifiers(const Step& step, const Modifiers& otherwise);

ReplyChecks read_reply_checks(const Step& step);
// From the normal form of Type::patterns, the sets put in; an empty list from nullptr.
std::vector<Pattern> patterns_from(const Json* value);

// What a step waits for, for the report; empty if it waits for nothing that is a text.
std::string awaited_text(const Action& action);

} // namespace qt
