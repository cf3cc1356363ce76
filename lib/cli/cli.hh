// The command line of every program: options, help, version, and the one place where a failure
// becomes a message and an exit code. The only includer of Boost.Program_options.
//
// Option values are handed to their target in the order in which they stand on the command line,
// so that a program can give order a meaning (qt-expect: steps). Names are never abbreviated and
// never taken from after a "--": what follows it belongs to the next program of a chain.
//
// Every program answers --options with its options, one a line: completion in shells and the test
// of the manual pages read that, so there is no second list.
#pragma once

#include "base/duration.hh"
#include "base/error.hh"
#include "base/log.hh"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class CommandLine {
public:
  // Receives one value; throws Error(ExitCode::usage) saying what was expected if it is wrong.
  using Handler = std::function<void(const std::string& value)>;

  // `synopsis`: what follows the program's name in the usage line. `purpose`: one sentence.
  CommandLine(std::string synopsis, std::string purpose);

  // Starts a group of options in --help; options added next belong to it.
  CommandLine& group(std::string title);

  // An option "name" or "name,n" (with a letter). `argument` names its value in --help.
  CommandLine& option(std::string name, std::string argument, std::string help, Handler handler);
  CommandLine& option(std::string name, std::string argument, std::string help,
                      std::optional<std::string>& target);
  CommandLine& option(std::string name, std::string argument, std::string help,
                      std::string& target);
  CommandLine& option(std::string name, std::string argument, std::string help,
                      std::vector<std::string>& target); // may be repeated
  CommandLine& option(std::string name, std::string help, std::optional<Duration>& target);
  CommandLine& option(std::string name, std::string help, Duration& target);
  // A whole number of at least `least` and at most `most`.
  CommandLine& option(std::string name, std::string help, int least, int most, int& target);
  // One of these words.
  CommandLine& choice(std::string name, std::vector<std::string> words, std::string help,
                      std::string& target);
  // Bytes: 4096, 512K, 20G.
  CommandLine& option(std::string name, std::string help, std::optional<std::uint64_t>& target);
  // An option without a value.
  CommandLine& flag(std::string name, std::string help, bool& target);
  CommandLine& flag(std::string name, std::string help, std::function<void()> handler);
  // The words that are not options, in order. Without this call they are an error.
  CommandLine& operands(std::vector<std::string>& target);

  // What stands after "--", for whoever forgot it: ends the complaint about a word that is no
  // operand, or an unknown option that begins with one dash.
  CommandLine& after_dashes(std::string text);

  // A command line for --help: what it does in a few words, and the line itself.
  CommandLine& example(std::string text);
  // For --help: "0 done · 1 …", as the manual page says.
  CommandLine& exit_codes(std::string text);

  // Parses `words` (without the program's name), adds --help, --version, --options, --verbose and
  // --quiet. True if the program should go on; false if one of the first three has been answered on
  // stdout.
  // Throws Error(ExitCode::usage) that names the option, with the nearest known names.
  [[nodiscard]] bool parse(const std::vector<std::string>& words);

  std::string help() const;
  // A line for each option: its forms ("--help -h"), its argument (empty: a flag) and its help,
  // separated by tabs.
  std::string options_text() const;

private:
  struct Option {
    std::string name;     // "name" or "name,n"
    std::string argument; // empty: a flag
    std::string help;
    Handler handler;
  };
  struct Group {
    std::string title;
    std::vector<Option> options;
  };

  // What all programs have.
  struct General {
    bool help = false;
    bool version = false;
    bool options = false;
    Verbosity verbosity = Verbosity::normal;
  };
  // Adds the options of all programs, which set `asked`.
  CommandLine with_general(General& asked) const;
  std::string unknown_hint(std::string_view word, std::span<const std::string_view> names) const;

  std::string m_synopsis;
  std::string m_purpose;
  std::string m_examples;
  std::string m_after_dashes;
  std::string m_exit_codes;
  std::vector<Group> m_groups;
  std::vector<std::string>* m_operands = nullptr;
};

// An argument vector cut at each word "--": one element more than there are such words. At most
// `parts` elements; the last one keeps the remaining "--" words.
std::vector<std::vector<std::string>> cut_at_dashes(const std::vector<std::string>& words,
                                                    std::size_t parts);

// Runs the program: sets its name, makes sure descriptors 0 to 2 are open, ignores SIGPIPE, calls
// `body` with the words after the program's name and turns an exception into a message on stderr
// and the exit code. `name` is a literal such as "qt-fetch".
int run_tool(const char* name, int argc, char** argv,
             const std::function<int(const std::vector<std::string>& words)>& body) noexcept;

// One line of data on stdout, at once. Throws Error if it cannot be written.
void print_line(const std::string& text);

} // namespace qt
