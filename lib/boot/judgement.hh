// What a run of qt-boot amounts to: from the facts of the run to an exit code and a verdict. Pure.
//
// In this order: a signal to qt-boot itself; a flood of output; QEMU killed by a signal that nobody
// asked for, unless it says that it was the host's fault; QEMU refused its arguments; the deadline;
// a daemon that died; the program's own status; QEMU that had to be killed; its exit status; its
// output. Where the program saw no more than the console's end or a deadline, a panic or an
// unwanted reset of the guest (events of the monitor) is the cause. A panic that the program has
// not said it awaits ("panics", run_dir.hh) fails whatever it thinks. A verdict that the program
// has written keeps its step, the text awaited and the last lines when qt-boot knows a better
// cause.
#pragma once

#include "ipc/run_dir.hh"
#include "os/process.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

// How QEMU came to its end.
enum class QemuEnd {
  itself, // nobody had asked
  asked,  // we had asked it to quit or to terminate
  killed, // the program had asked for SIGKILL
  forced, // it did not end when asked, so we killed it
};

struct RunFacts {
  std::string vm;
  ExitStatus qemu{};
  QemuEnd end = QemuEnd::itself;
  bool was_ending = false;           // it was on its way out by itself when it was asked to end
  bool machine_ran = false;          // a byte on the console or an answer on the monitor
  std::size_t panics_awaited = 0;    // by the program
  bool exit_awaited_in_vain = false; // it should have ended by itself and did not
  bool ended_before_program = false; // QEMU's end was there for the program to see
  std::optional<ExitStatus> program; // nothing: there was none
  std::string program_name;
  std::optional<int> signal;    // the one that ended qt-boot
  bool timed_out = false;       // the deadline of the run passed
  Duration timeout{};           // as named (timeout_multiplier.hh)
  std::string service_failure;  // message; empty: none
  std::string flood;            // message: too much was written; empty: it was not
  std::string qemu_output;      // the end of QEMU's own stdout and stderr
  std::string output_mistake;   // what is wrong in all of that; empty: nothing, or nothing is asked
  std::string skip_text;        // a reason to skip if QEMU refused to start; or empty
  std::string machine;          // the value of --machine
  std::string similar_machines; // "; did you mean 'a'?" where QEMU has none of that name, or empty
  bool kill_wanted = false;     // by the program
  bool touched = false;         // a person had a hand in it, and no program has been told
  std::vector<std::string> console_lines;
  double seconds = 0;
  Json details = Json::object(); // for the verdict
};

struct Expectations {
  Json exit;                  // null: QEMU is not asked to end by itself; a status or "any"
  bool machine_named = false; // by --machine: not knowing it is a reason to skip
};

struct Judgement {
  int status = 0;
  // To be written; nothing: what the program has written stands.
  std::optional<Verdict> verdict;
  // To be told to people on stderr; empty: the program has done that, or all is well.
  std::string message;
};

Judgement judge(const RunFacts& facts, const Expectations& expected,
                const std::optional<Verdict>& found);

} // namespace qt
