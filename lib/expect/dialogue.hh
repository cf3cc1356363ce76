// A dialogue: steps in order against the machines of a chain, judged as a whole. Failure texts are
// armed from the first byte to the last one read. After the last step machines that still run are
// asked to end in order, and their consoles are read to the end, so that a panic on the way down
// counts.
#pragma once

#include "ipc/run_dir.hh"
#include "schema/step.hh"

#include <functional>
#include <string>
#include <vector>

namespace qt {

// A named part of a dialogue with a result of its own: the steps from `first` to the next check.
// What it finds wrong does not stop the dialogue, which goes on with the next check; a machine that
// is over, a failure text, a panic or a deadline does.
struct Check {
  std::string name;
  std::size_t first = 0; // index of its first step
};

struct Dialogue {
  std::vector<Step> steps;
  std::vector<Check> checks = {}; // in order, after the steps that belong to none
  Json defaults = Json::object(); // by dialogue_keys(), in normal form
  std::vector<VmChannels> vms;    // may be empty if no step needs a machine
  std::string run_dir;            // absolute; empty: no dialogue.log and no verdict.json
  // Gets what the monitors reply to qmp and hmp steps that pass, in lines; may be empty.
  std::function<void(const std::string& text)> show_reply = {};
  std::string stage; // of a test (run_dir.hh); empty: there is only this one
  // Where a person gets the terminal (schema/step.hh): numbers or marks of steps, or "fail".
  std::vector<std::string> breaks = {};
};

struct DialogueResult {
  Verdict verdict;
  int exit_code = 0; // 0, 1, 77, 124 (either timeout), or 128 + n after signal n
};

// True if a step needs a machine, or a failure text does.
bool needs_machine(const Dialogue& dialogue);

// Runs all of it; blocks until it is decided. Writes dialogue.log and verdict.json. Throws
// Error(ExitCode::usage) if a step cannot be done with these machines or is wrong in itself, before
// anything is done; Error of another code if it cannot be judged, after writing a verdict with
// Cause::host.
DialogueResult run_dialogue(const Dialogue& dialogue);

} // namespace qt
