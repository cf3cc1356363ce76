// The steps that talk to a console: wait, wait-regex, line, send, interrupt. What they do is also
// what a command in the guest's shell is made of (guest_step.hh).
#pragma once

#include "expect/step_run.hh"

#include <functional>
#include <string>
#include <string_view>

namespace qt {

// Each runs to its end. Throws DialogueEnd if it fails, Error.
void run_step(const StepRun& run, const Wait& step);
void run_step(const StepRun& run, const TypeLine& step);
void run_step(const StepRun& run, const TypeKeys& step);
void run_step(const StepRun& run, const Interrupt& step);

// What reads the console line by line while it waits.
struct LineReader {
  std::function<bool(std::string_view line)> take; // without its end; true: it was the last one
  std::string comes;                               // "the plan was complete"
  std::function<std::string()> missing;            // what to say of a wait in vain
};

// Reads lines until the last one or until the text appears (if it is not empty), and consumes them;
// what stands before the text on its line is a line, too.
void read_lines(const StepRun& run, const std::string& until, const LineReader& reader);
// Looks at the lines that come at once after what was consumed, until the last one or until the
// console is silent. They stay for the steps after this one.
void look_at_lines(const StepRun& run, const std::function<bool(std::string_view line)>& take);

// Types a line. A text with line ends in it is several lines, each with an echo of its own.
void type_line(const StepRun& run, const std::string& text);

// What is printed around the output of a command.
struct Landmark {
  Pattern pattern;
  std::string comes;   // "the command ended"
  std::string missing; // what to say if it does not
};

// Waits for it; kernel messages in the middle of it do not matter. Gives what came before it, and
// takes that out; `found` is what matched.
std::string take_until(const StepRun& run, const Landmark& landmark, std::string& found);

} // namespace qt
