// An expression over tags, such as "machine:virt and not (slow or flaky)": the words are tags, or
// patterns of tags with * ? and []; "not" binds before "and", "and" before "or".
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class TagExpression {
public:
  // Throws Error(ExitCode::usage) that says what was expected, and where.
  explicit TagExpression(std::string_view text);

  bool matches(const std::set<std::string>& tags) const { return m_root(tags); }
  // The words, in order: for those who want to know whether such tags exist at all, and whether
  // what has them is wanted, or not ("not slow").
  struct Word {
    std::string text;
    bool is_wanted;
  };
  const std::vector<Word>& words() const noexcept { return m_words; }

private:
  class Parser;
  using Node = std::function<bool(const std::set<std::string>& tags)>;

  std::vector<Word> m_words; // filled while the root is made
  Node m_root;
};

// True if `word` is one of `tags`, or a pattern that one of them matches.
bool has_tag(const std::set<std::string>& tags, const std::string& word);

} // namespace qt
