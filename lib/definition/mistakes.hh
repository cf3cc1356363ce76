// Everything that is wrong in a definition and the files that it includes, for one report.
#pragma once

#include "base/error.hh"
#include "data/toml.hh"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// The same mistake at the same place (a template is read once for each test that uses it) counts
// once.
class Mistakes {
public:
  void add(const Position& at, std::string_view text) { note(at, text, m_mistakes); }
  // What is no mistake, but deserves a second look.
  void warn(const Position& at, std::string_view text) { note(at, text, m_warnings); }
  bool empty() const noexcept { return m_mistakes.empty(); }
  // An Error(ExitCode::usage) in the form of a report: "FILE:LINE:COLUMN: error: TEXT" for each, in
  // the order of the places, the files in the order in which mistakes were found in them.
  Error report() const;
  // What is wrong, without the places.
  std::vector<std::string> texts() const;
  // "FILE:LINE:COLUMN: warning: TEXT" for each, in the same order.
  std::vector<std::string> warnings() const { return lines(m_warnings, "warning"); }

private:
  struct Entry {
    std::size_t file; // index into m_files
    unsigned line;
    unsigned column;
    std::string text;
    auto operator<=>(const Entry&) const = default;
  };
  void note(const Position& at, std::string_view text, std::set<Entry>& into);
  std::vector<std::string> lines(const std::set<Entry>& entries, std::string_view kind) const;

  std::vector<std::string> m_files;
  std::set<Entry> m_mistakes;
  std::set<Entry> m_warnings;
};

} // namespace qt
