// What can be known to be wrong with the steps of a dialogue before the first one is done: a
// machine that is not there, a channel that a machine lacks, an expression that does not compile.
#pragma once

#include "expect/dialogue_loop.hh"
#include "schema/step.hh"

#include <string>
#include <vector>

namespace qt {

// The machine that a step means: its own "vm", `default_vm`, or the only one. nullptr for a host
// step that names none. Throws Error(ExitCode::usage) if there is none or it is not clear which.
Guest* guest_of(const Step& step, DialogueLoop& loop, const std::string& default_vm);

// Throws Error(ExitCode::usage) that names the first step that cannot be done, or cannot fail.
// `defaults`: what the whole dialogue is given, by dialogue_keys(). Monitors that an
// event step is about are made to listen: events that come before the step are kept.
void check_steps(const std::vector<Step>& steps, const Json& defaults, DialogueLoop& loop,
                 const std::string& default_vm);

// The same for one step as it is about to run, with the saved values put in, which may have made a
// check empty.
void check_filled_step(const Step& step);

} // namespace qt
