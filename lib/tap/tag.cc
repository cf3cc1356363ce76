#include "tap/tag.hh"

#include "base/error.hh"
#include "base/spelling.hh"
#include "definition/requirement.hh"

#include <algorithm>
#include <array>
#include <fnmatch.h>
#include <utility>

namespace qt {

namespace {

constexpr std::array<std::string_view, 11> k_kinds = {"timeout", "check", "arch",  "machine",
                                                      "cpu",     "file",  "accel", "device",
                                                      "netdev",  "suite", "asset"};
constexpr std::array<std::string_view, 6> k_gates = {"slow",          "flaky",   "untrusted",
                                                     "large-storage", "network", "disabled"};

// "max,pmu=on" → "max".
std::string first_part(const std::string& value) { return value.substr(0, value.find(',')); }

void add_assets(const Definition& definition, const Subtest& subtest, std::set<std::string>& tags) {
  const std::set<std::string> assets = assets_of(definition, subtest);
  for (const std::string& name : assets) {
    tags.insert("asset:" + name);
  }
  if (assets.empty()) {
    tags.insert("asset:none");
  }
}

// A gate is known whether a test here has it or not. So is a tag of a kind that all tests have
// ("machine:q35"), but only to leave tests out: one that is wanted and that none has is a slip.
bool is_known(const TagExpression::Word& word, const std::set<std::string>& all) {
  const std::string_view text = word.text;
  const std::size_t colon = text.find(':');
  const auto names = [text, colon](std::string_view name) { return name == text.substr(0, colon); };
  if (has_tag(all, word.text) || std::any_of(k_gates.begin(), k_gates.end(), names) ||
      text == "suite:quick" || text == "suite:thorough" || text == "asset:none") {
    return true;
  }
  return !word.is_wanted && colon != std::string::npos &&
         std::any_of(k_kinds.begin(), k_kinds.end(), names);
}

} // namespace

std::set<std::string> tags_of(const Definition& definition, const Subtest& subtest) {
  std::set<std::string> tags(subtest.tags.begin(), subtest.tags.end());
  tags.insert("arch:" + definition.arch);
  tags.insert("file:" + definition.stem);
  tags.insert(format("suite:{}", suite_name(definition.suite)));
  tags.insert("timeout:" + format_duration(definition.timeout));
  for (const Phase& phase : subtest.phases) {
    for (const Vm& vm : phase.vms) {
      for (const char* key : {"machine", "cpu", "accel"}) {
        const std::string value = vm.values.value(key, "");
        if (!value.empty()) {
          tags.insert(
              format("{}:{}", key,
                     std::string_view(key) == "machine" ? machine_name(value) : first_part(value)));
        }
      }
    }
    for (const NamedCheck& check : phase.checks) {
      tags.insert("check:" + check.name);
    }
  }
  for (const char* key : {"machine", "accel", "device", "netdev"}) {
    for (const Json& name : subtest.required.value(key, Json::array())) {
      tags.insert(format("{}:{}", key, name.get<std::string>()));
    }
  }
  for (const std::string_view gate : k_gates) {
    if (subtest.required.contains(gate)) {
      tags.insert(std::string(gate));
    }
  }
  add_assets(definition, subtest, tags);
  return tags;
}

std::vector<Selected> select_by_tags(const std::vector<Selected>& selected,
                                     const std::string& expression) {
  const TagExpression wanted(expression);
  std::vector<Selected> result;
  std::set<std::string> all;
  for (const Selected& candidate : selected) {
    std::set<std::string> tags = tags_of(*candidate.definition, *candidate.subtest);
    if (wanted.matches(tags)) {
      result.push_back(candidate);
    }
    all.merge(tags);
  }
  for (const TagExpression::Word& word : wanted.words()) {
    if (!is_known(word, all)) {
      const std::vector<std::string_view> candidates(all.begin(), all.end());
      throw Error(format("--select: no subtest has the tag '{}'{}; see qt-tap --list --long",
                         word.text, did_you_mean(word.text, candidates)),
                  ExitCode::usage);
    }
  }
  if (result.empty()) {
    throw Error(format("--select: no subtest matches '{}'; see qt-tap --list --long", expression),
                ExitCode::usage);
  }
  return result;
}

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
