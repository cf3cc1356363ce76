#include "tap/tag_expression.hh"

#include "base/error.hh"

#include <algorithm>
#include <fnmatch.h>
#include <utility>

namespace qt {

bool has_tag(const std::set<std::string>& tags, const std::string& word) {
  return tags.contains(word) || std::any_of(tags.begin(), tags.end(), [&word](const auto& tag) {
           return ::fnmatch(word.c_str(), tag.c_str(), 0) == 0;
         });
}

class TagExpression::Parser {
public:
  Parser(std::string_view text, std::vector<Word>& words)
    : m_text(text)
    , m_words(words) {
    advance();
  }

  Node parse() {
    Node root = alternatives();
    if (!m_token.empty()) {
      fail(m_token == ")" ? "no '(' is open" : "expected 'and', 'or' or the end");
    }
    return root;
  }

private:
  // Any number of terms in a row is no nesting.
  Node alternatives() {
    std::vector<Node> nodes;
    do {
      nodes.push_back(conjunction());
    } while (take("or"));
    return [nodes = std::move(nodes)](const auto& tags) {
      return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) { return node(tags); });
    };
  }

  Node conjunction() {
    std::vector<Node> nodes;
    do {
      nodes.push_back(term());
    } while (take("and"));
    return [nodes = std::move(nodes)](const auto& tags) {
      return std::all_of(nodes.begin(), nodes.end(), [&](const Node& node) { return node(tags); });
    };
  }

  Node term() {
    // A person types a few dozen of them; more would only be there to exhaust the stack.
    constexpr int k_max_depth = 100;
    if (++m_depth > k_max_depth) {
      fail("nested too deeply");
    }
    Node node;
    if (take("not")) {
      m_wanted = !m_wanted;
      node = [inner = term()](const auto& tags) { return !inner(tags); };
      m_wanted = !m_wanted;
    } else if (take("(")) {
      node = alternatives();
      if (!take(")")) {
        fail("expected ')'");
      }
    } else {
      node = word();
    }
    --m_depth;
    return node;
  }

  Node word() {
    if (m_token.empty() || m_token == ")" || m_token == "and" || m_token == "or") {
      fail("expected a tag, 'not' or '('");
    }
    std::string word(m_token);
    m_words.push_back({word, m_wanted});
    advance();
    return [word = std::move(word)](const auto& tags) { return has_tag(tags, word); };
  }

  bool take(std::string_view token) {
    const bool is_next = m_token == token;
    if (is_next) {
      advance();
    }
    return is_next;
  }

  void advance() {
    const std::size_t start = std::min(m_text.find_first_not_of(" \t\n", m_end), m_text.size());
    const bool is_parenthesis =
        start < m_text.size() && (m_text[start] == '(' || m_text[start] == ')');
    m_end = is_parenthesis ? start + 1
                           : std::min(m_text.find_first_of(" \t\n()", start), m_text.size());
    m_token = m_text.substr(start, m_end - start);
  }

  [[noreturn]] void fail(std::string_view what) const {
    const std::string got = m_token.empty() ? "" : format(" at '{}'", m_token);
    throw Error(
        format("'{}'{}: {}; an expression is like 'machine:virt and not slow'", m_text, got, what),
        ExitCode::usage);
  }

  std::string_view m_text;
  std::vector<Word>& m_words;
  std::string_view m_token; // the one that is looked at; empty at the end
  std::size_t m_end = 0;
  int m_depth = 0;
  bool m_wanted = true; // not after an odd number of "not"
};

TagExpression::TagExpression(std::string_view text)
  : m_root(Parser(text, m_words).parse()) {}

} // namespace qt
