#include "definition/mistakes.hh"

#include "base/text.hh"

#include <algorithm>

namespace qt {

void Mistakes::note(const Position& at, std::string_view text, std::set<Entry>& into) {
  const std::string file = at.file ? *at.file : std::string();
  auto known = std::find(m_files.begin(), m_files.end(), file);
  if (known == m_files.end()) {
    known = m_files.insert(known, file);
  }
  into.insert({static_cast<std::size_t>(known - m_files.begin()), at.line, at.column,
               escape_for_display(text)});
}

std::vector<std::string> Mistakes::lines(const std::set<Entry>& entries,
                                         std::string_view kind) const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries) {
    lines.push_back(format("{}:{}:{}: {}: {}", m_files[entry.file], entry.line, entry.column, kind,
                           entry.text));
  }
  return lines;
}

std::vector<std::string> Mistakes::texts() const {
  std::vector<std::string> texts;
  for (const Entry& entry : m_mistakes) {
    texts.push_back(entry.text);
  }
  return texts;
}

Error Mistakes::report() const {
  return Error(join(lines(m_mistakes, "error"), "\n"), ExitCode::usage, Error::Form::report);
}

} // namespace qt
