// The tags of a subtest: what "qt-tap --select" chooses by. A test has its own (the key "tags" of
// the file and of the test: plain words), and these, which follow from the definition:
//
//   arch:ARCH machine:NAME cpu:NAME file:NAME check:NAME
//       accel:NAME device:NAME netdev:NAME (required)
//   suite:quick, suite:thorough                     asset:NAME, or asset:none
//   slow flaky untrusted large-storage network disabled (what requires says)
#pragma once

#include "tap/selection.hh"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

std::set<std::string> tags_of(const Definition& definition, const Subtest& subtest);

// Those whose tags match `expression` (TagExpression). Throws Error(ExitCode::usage) if it is
// no expression, if none of `selected` has a tag that it names and that no test could have
// ("machne:virt"), or if nothing matches.
std::vector<Selected> select_by_tags(const std::vector<Selected>& selected,
                                     const std::string& expression);

// An expression over tags, such as "machine:virt and not (slow or flaky)": the words are tags, or
// patterns of tags with * ? and []; "not" binds before "and", "and" before "or".
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
