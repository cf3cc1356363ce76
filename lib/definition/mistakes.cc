#include "definition/mistakes.hh"

#include "base/text.hh"

#include <algorithm>

namespace qt {

void Mistakes::add(const Position& at, std::string_view text) {
  const std::string file = at.file ? *at.file : std::string();
  auto known = std::find(m_files.begin(), m_files.end(), file);
  if (known == m_files.end()) {
    known = m_files.insert(known, file);
  }
  m_mistakes.insert({static_cast<std::size_t>(known - m_files.begin()), at.line, at.column,
                     escape_for_display(text)});
}

Error Mistakes::report() const {
  std::vector<std::string> lines;
  for (const Entry& entry : m_mistakes) {
    lines.push_back(
        format("{}:{}:{}: error: {}", m_files[entry.file], entry.line, entry.column, entry.text));
  }
  return Error(join(lines, "\n"), ExitCode::usage, Error::Form::report);
}

} // namespace qt
