// From the turns of a person at a machine to the steps of a dialogue. A pure function of what was
// recorded and of what is known from runs without a person; so each run makes the next draft
// better.
//
// Before each thing that was done stands what was there to be read then: the first and the last
// line of what had come, as far as these come again, and the prompt. Where a shell answers, what
// was typed is a step `shell`, whose output these lines are. A key at a countdown is `interrupt`.
//
// Of a text only what comes again is waited for. A guest prints times, addresses and counters; what
// a test waits for must not have them in it. Two things tell: the same run once more, without a
// person, and what a time of day, today's date and the stamp of a kernel message look like: two
// runs of the same minute have these in common.
#pragma once

#include "record/recording.hh"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qt {

// The longest part of the text without times of day, dates in the year `year` ("2026") and stamps
// of kernel messages; empty if none has a letter or digit. Blanks around it stay.
std::string timeless_part(const std::string& text, const std::string& year);

// What a console said in a run without a person.
class ConsoleText {
public:
  explicit ConsoleText(std::string_view output);

  bool contains(std::string_view part) const { return m_text.find(part) != std::string::npos; }
  // The piece of it that is most like `part`; empty if none has half of it.
  std::string most_similar(const std::string& part) const;

private:
  std::vector<std::string> m_pieces;
  std::string m_text; // all of them, a line each
};

// The longer of what both begin and what both end with, cut at the border of a word or number. A
// number alone is none: beside one that changes it is the same by chance.
std::string common_part(const std::string& one, const std::string& other);

// A run without a person.
struct SecondRun {
  ConsoleText console;
  std::size_t turns = 0; // as many were reached
};

// What is known besides the recording.
struct Knowledge {
  std::string year; // the present one, "2026"; empty: times and dates are taken for stable, too
  std::vector<SecondRun> runs;
  std::set<std::string> no_shells;                          // prompts at which no shell answers
  std::map<std::size_t, int> statuses;                      // of commands, by turn; 0 if not there
  std::set<std::size_t> unjudged;                           // turns whose answer is never the same
  std::set<std::pair<std::size_t, std::string>> never_came; // texts, by turn
};

struct DraftStep {
  enum class Role {
    text,    // waits for a line
    prompt,  // waits for what stands before what is typed
    input,   // types
    shell,   // runs a command
    monitor, // asks it
    end,     // of QEMU
  };
  Role role = Role::text;
  std::size_t turn = 0;
  std::vector<std::pair<std::string, Json>> keys; // in the order in which they are to be written
};

enum class Detail {
  prompts,    // and only these: a first run that is to reach the end
  everything, // the test
};

std::vector<DraftStep> draft_steps(const std::vector<Turn>& turns, const Knowledge& knowledge,
                                   Detail detail);

// Whether anything in them can fail but for typing.
bool can_fail(const std::vector<DraftStep>& steps);

// A text that the steps would have if everything came again, and what they have of it.
struct Difference {
  std::string recorded;
  std::string kept; // or empty
};

// Each once, in order.
std::vector<Difference> differences(const std::vector<Turn>& turns, const Knowledge& knowledge);

// Lines that were typed and not echoed, as passwords are.
std::vector<std::string> unechoed_lines(const std::vector<Turn>& turns);

} // namespace qt
