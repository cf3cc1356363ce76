// verdict.json: how a run ended, why, and when its parts happened. Written by whoever decides
// (qt-expect, or qt-boot where there is no dialogue); qt-boot refines the cause with what it alone
// knows (QEMU refused its arguments, or crashed), and qt-tap leaves one for the whole subtest.
//
// One JSON object, always valid UTF-8: what is not in a text becomes U+FFFD. Times are in seconds.
//
//   cause         a name of Cause as cause_name() writes it: "timeout"
//   message       one line for people
//   vm            the machine concerned, or ""
//   stage         of a subtest that has several, the one that was decided in: "prepare", "steps",
//                 "verify", "phase 2: steps"; or ""
//   step          the step that was decided in, as on a command line: "--wait login:"
//   awaited       the text awaited, or ""
//   last-lines    of the console concerned
//   start, end    of the dialogue in UTC: "2026-01-31T12:00:00.123Z"; "" where there was none
//   seconds       from start to end
//   steps         [{"step": "--wait login:", "start": 0.012, "seconds": 3.4}, …] in order, `start`
//                 since the start of the dialogue; the last one may be the one that failed. Those
//                 of a subtest are of all its stages, each with the name of its "stage"
//   marks         [{"name": "kernel", "at": 3.4, "seconds": 2.2, "budget": 20}, …]: `at` since the
//                 start, `seconds` since the mark before it or the start; `budget` where there is
//                 one
//   checks        [{"name": "disk", "cause": "assertion", "message": …, "step": …, "awaited": …,
//                 "last-lines": […], "start": 3.4, "seconds": 2.2}, …]: the results of the named
//                 parts of a dialogue and of the tests that its guest has run itself, in order;
//                 left out if it has none. One that failed as expected has the cause "pass" and
//                 the reason as "expected"
//   saved         what steps have saved under names; bytes that no text has are \xNN (text.hh)
//   judged-exits  {"default": "exited 42"}: ends of machines that the dialogue asked for
//   tries         [{"directory": "try1", "cause": "timeout", "message": …, "seconds": 3.4}, …]: the
//                 earlier runs of a subtest that was run again after a failure, in order;
//                 `directory` is in the run directory; left out if there were none
//   touched       [{"at": "step 3", "seconds": 41.2}, …]: where a person had a hand in the run:
//                 the dialogue stood still for so long (--break), which is no part of the times
//                 here, or somebody typed, or asked the monitor, while it went on (0); left out if
//                 nobody did
//   options       ["--accel", "kvm", …]: of a subtest, those of the run; left out if there are none
//   arguments     ["-d", "int", …]: the same of what its machines got after their own arguments
//   details       further facts of the cause, free form
#pragma once

#include "data/json.hh"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// Why a run ended as it did.
enum class Cause {
  pass,
  check,        // all passed but for named checks, which have results of their own
  flaky,        // it passed when it was run again after a failure
  assertion,    // a monitor reply, a status, a file or a strict budget was not as asked
  fail_pattern, // a failure text appeared
  guest_panic,
  guest_reset,
  qemu_crash,   // QEMU ended by a signal that nobody asked for
  qemu_exit,    // QEMU ended, or not, against what was asked
  qemu_refused, // QEMU ended with an error before the machine ran
  timeout,
  idle_timeout, // the console was silent for too long
  console_eof,  // the console ended while something was awaited
  skip,
  asset, // a payload could not be had
  flood, // QEMU, its guest or a command wrote more than may be taken
  host,  // the host's fault: a program missing, disk full
};

std::string_view cause_name(Cause cause);
// Neither a failure nor a skip: failed checks have results of their own.
bool is_passed(Cause cause) noexcept;
// Neither passed nor skipped.
bool is_failure(Cause cause) noexcept;
// Nothing if `name` is none of the names.
std::optional<Cause> cause_from(std::string_view name);

struct StepTime {
  std::string step;
  double start = 0;
  double seconds = 0;
  std::string stage = {}; // of a test that has several; or empty
};

struct Mark {
  std::string name;
  double at = 0;
  double seconds = 0;
  std::optional<double> budget;

  bool is_late() const { return budget && seconds > *budget; }
};

// The result of a named part of a dialogue, or of a test that the guest has run itself.
struct CheckResult {
  std::string name; // unique
  Cause cause = Cause::pass;
  std::string message;
  std::string step;
  std::string awaited;                 // raw bytes
  std::vector<std::string> last_lines; // raw bytes
  double start = 0;                    // since the start of the dialogue
  double seconds = 0;
  std::optional<std::string> expected = {}; // it failed and may do so: why
};

// Gives each name once: a name that has been given already gets a number, "NAME (2)".
class UniqueNames {
public:
  std::string take(const std::string& name);

private:
  std::map<std::string, std::size_t> m_given; // and with which number the last time
};

// An earlier run of a subtest that was run again.
struct EarlierTry {
  std::string directory; // relative to the run directory
  Cause cause = Cause::host;
  std::string message;
  double seconds = 0;
};

// A person's hand in a run.
struct Touch {
  std::string at; // "the start", "step 3", "phase 2: step 3" or "the end"
  double seconds = 0;
};

struct Verdict {
  Cause cause = Cause::pass;
  std::string message;
  std::string vm;
  std::string stage; // of a test that has several: the one that it was decided in; or empty
  std::string step;
  std::string awaited;                 // raw bytes
  std::vector<std::string> last_lines; // raw bytes
  std::string start;
  std::string end;
  double seconds = 0;
  std::vector<StepTime> steps;
  std::vector<Mark> marks;
  std::vector<CheckResult> checks;
  std::vector<EarlierTry> tries;
  std::vector<Touch> touched;
  std::map<std::string, std::string> saved; // raw bytes
  // Already judged: qt-boot does not judge these again.
  std::map<std::string, std::string> judged_exits;
  std::vector<std::string> options;   // qt-tap's, that were given
  std::vector<std::string> arguments; // QEMU's, that every machine got after its own
  Json details = Json::object();
};

// It failed, by itself or by one of its checks.
bool has_failed(const Verdict& verdict);
// Nothing if the check called `name` has no result: it was not reached.
const CheckResult* find_check(const Verdict& verdict, const std::string& name);
// "2 of 3 checks failed: 'a', 'b'"; empty if none has.
std::string failed_checks_text(const std::vector<CheckResult>& checks);
// A run of which a check has failed has not passed, and what it was skipped for later, or that the
// rest has passed when it ran again, does not undo that: it gets the cause `check`.
void count_failed_checks(Verdict& verdict);
// Gives those of `names` that have no result yet the cause of the whole: they were not reached.
void complete_checks(Verdict& verdict, const std::vector<std::string>& names);
// The verdict of one check alone, with what concerns the run as a whole.
Verdict verdict_of_check(const Verdict& whole, const CheckResult& check);

void write_verdict(const std::string& run_dir, const Verdict& verdict);
// Nothing if there is no verdict.json or it cannot be read as one.
std::optional<Verdict> read_verdict(const std::string& run_dir);

// The line for people and TAP that says how it ended: "timeout: 'login:' did not come".
std::string cause_line(const Verdict& verdict);
// "touched by hand at step 3, step 7"; empty if it was not.
std::string touched_text(const Verdict& verdict);
// "3.4 s", or "850 ms" below one second.
std::string seconds_text(double seconds);
// "the mark 'login' came after 9.0 s, its budget is 5 s".
std::string late_text(const Mark& mark);
// For people: "firmware 850 ms, kernel 3.4 s (budget 20 s), login 9.0 s (over its budget of 5 s)".
std::string marks_text(const std::vector<Mark>& marks);

} // namespace qt
