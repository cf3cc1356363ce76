// How a command is typed on the guest's shell so that its output, its end and its status are known.
//
// A word that nothing else prints, the mark, stands before the output and after it:
//
//     echo qt-3f9a''61c2-begin; COMMAND; echo qt-3f9a''61c2-$?-end
//
// The shell prints "qt-3f9a61c2-begin", what COMMAND prints, and "qt-3f9a61c2-0-end". What was
// typed has '' in the middle of the mark and no digit after it: no echo of it, torn, wrapped or
// drawn anew, reads like that, and all echoes come before the beginning. A command of several lines
// is typed as "{ echo …", its lines, and "}; echo …": the shell reads all of it before it runs
// anything. "$?" is 0 where a command begins.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

struct ShellCommand {
  std::vector<std::string> lines; // to type one after the other, each with CR
  std::string begin;              // comes before the output
  // Comes after it: a regular expression. What stands in it for STATUS may be "$?" or nothing:
  // the shell has no "$?".
  std::string end;
};

// How many letters and digits a mark has.
inline constexpr std::size_t k_shell_mark = 12;

// Why the command cannot be typed so that its end would be seen; empty if it can.
std::string shell_mistake(const std::string& command);
// `mark`: a word of so many letters and digits that nothing else prints.
ShellCommand shell_command(const std::string& command, const std::string& mark);
// The status in what has matched ShellCommand::end: digits, "$?" or nothing.
std::string status_in(std::string_view end);

} // namespace qt
