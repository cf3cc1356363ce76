// The steps on the host: run, file, fetch, tcp, sleep. While they last the consoles are read and
// searched as ever. A program that a step starts keeps the channels of all machines and finds them
// by the variables of run_dir.hh. The monitors are its own until it ends; events that it reads are
// lost for the steps after it.
#pragma once

#include "expect/step_run.hh"

namespace qt {

// Each runs to its end. Throws DialogueEnd if it fails, Error.
void run_step(const StepRun& run, const RunCommand& step);
void run_step(const StepRun& run, const CheckFile& step);
void run_step(const StepRun& run, const FetchFile& step);
void run_step(const StepRun& run, const CheckPort& step);
void run_step(const StepRun& run, const Sleep& step);

// Judges how a command has ended. `how`: the same in words. Throws DialogueEnd if it is not as
// asked.
void check_status(const StepRun& run, const CommandChecks& checks, int status,
                  const std::string& how, const std::string& output);
void check_output(const StepRun& run, const CommandChecks& checks, const std::string& output);
// Keeps what is found in `text`: the first group of each regular expression, or the whole match if
// it has none. Throws DialogueEnd if one does not match.
void save_by_regex(const StepRun& run, const std::vector<Save>& saves, const std::string& text);

} // namespace qt
