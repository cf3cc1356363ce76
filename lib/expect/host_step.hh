// The steps on the host: run, file, fetch, tcp, sleep. While they last the consoles are read and
// searched as ever. A program that a step starts keeps the channels of all machines and finds them
// by the variables of run_dir.hh. The monitors are its own until it ends; events that it reads are
// lost for the steps after it.
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Runs one such step to its end. Throws DialogueEnd if it fails, Error.
void run_host_step(const StepRun& run);

// Judges how a command has ended by the step's "status" and "stdout". `how`: the same in words.
// Throws DialogueEnd if it is not as asked.
void check_status(const StepRun& run, int status, const std::string& how,
                  const std::string& output);
void check_output(const StepRun& run, const std::string& output);
// Keeps what the step's "save" finds in `text`: the first group of each regular expression, or the
// whole match if it has none. Throws DialogueEnd if one does not match.
void save_by_regex(const StepRun& run, const std::string& text);

} // namespace qt
