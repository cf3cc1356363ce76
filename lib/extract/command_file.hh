// A file or folder that a command makes: "qt-extract --make", the key "make" of definitions.
#pragma once

#include "base/duration.hh"

#include <string>
#include <vector>

namespace qt {

struct CommandRule {
  std::vector<std::string> words;  // with "${out}" in them
  std::vector<std::string> inputs; // files that it reads: a result that is older is made anew
  Duration timeout = std::chrono::minutes(5);
};

// Throws Error(ExitCode::usage) if the command does not say "${out}".
void check_command(const CommandRule& rule);

// Runs the command in an empty folder beside `output`, with what stands for "${out}" in it and what
// it prints on this program's standard error, and gives its result the name `output`. A result that
// is there and right is left alone. A failure leaves what is there as it is.
// Throws Error: failed if the command fails or makes nothing, deadline, not_found and cannot_exec.
void make_by_command(const CommandRule& rule, const std::string& output);

} // namespace qt
