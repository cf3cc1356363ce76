// Judges what QEMU itself writes while it comes, however much that is: checks in the vocabulary's
// normal form ("contains", "equals", "matches", "lacks"), and the texts that are a reason to skip.
//
// It means the same as looking at the whole text at its end (text_mistake()), but that an
// expression which spans more than 64 KiB, or looks back as far, is only found at the end of the
// text, and not at all if it begins at the start of a longer one.
#pragma once

#include "console/match.hh"
#include "data/json.hh"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qt {

class OutputCheck {
public:
  // Throws Error(ExitCode::usage) for a wrong expression.
  OutputCheck(const Json& checks, const std::vector<std::string>& skip_texts);

  void feed(std::string_view bytes);
  // No more will come.
  void end();

  // After end(). What is wrong, in one line: "asked of QEMU's output: lacks 'error'"; empty if
  // every check holds. `what` names the text. Throws Error if an expression has backtracked without
  // end.
  std::string mistake(std::string_view what) const;
  // The first of the texts that are a reason to skip which has come; empty if none has.
  std::string skip_text() const;

private:
  // One text or expression, looked for until it is found.
  struct Search {
    Search(const std::string& text, Pattern::Kind kind);

    Pattern::Kind kind;
    std::string text;
    Matcher matcher;
    bool found = false;
    bool needs_all = false; // of the text, of which only the end is kept
  };
  void look(Search& search, std::string_view bytes);
  void look_at_end(Search& search) const;

  std::vector<std::pair<std::string, Search>> m_checks; // with their kinds, all but "equals"
  std::vector<Search> m_skips;
  std::vector<std::string> m_equals;
  std::string m_start; // of the text, as much as "equals" can use
  std::string m_tail;  // its last 64 KiB
  std::uint64_t m_size = 0;
  std::string m_failure; // of an expression
};

} // namespace qt
