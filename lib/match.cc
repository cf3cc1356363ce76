#include "match.hh"

#include "error.hh"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <array>
#include <pcre2.h>

namespace qt {

namespace {

constexpr std::size_t k_window = 64 * 1024; // of the stream, for one attempt of an expression
constexpr std::uint32_t k_match_limit = 2'000'000;

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 200> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};
template<typename T>
using Owned = std::unique_ptr<T, Free>;

Owned<pcre2_code> compile(const std::string& expression, const std::string& shown) {
  const Owned<pcre2_compile_context> context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_ANYCRLF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  Owned<pcre2_code> code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()),
                                       expression.size(), PCRE2_MULTILINE | PCRE2_NEVER_UTF, &error,
                                       &offset, context.get()));
  if (!code) {
    throw Error(
        format("regular expression '{}': {} at offset {}", shown, pcre2_message(error), offset),
        ExitCode::usage);
  }
  return code;
}

} // namespace

struct Regex::Code {
  explicit Code(const std::string& source)
    : expression(source) {
    compile(expression, expression);
    // PCRE2 begins no attempt at the LF of a CR LF unless the expression speaks of either; then the
    // result would depend on where a read was cut. A definition that is never used makes it speak.
    code = compile(expression + "\\E(?(DEFINE)\\r)", expression);
    pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD); // optional
    data.reset(pcre2_match_data_create_from_pattern(code.get(), nullptr));
    context.reset(pcre2_match_context_create(nullptr));
    stack.reset(pcre2_jit_stack_create(32 * 1024, 4 * 1024 * 1024, nullptr));
    pcre2_set_match_limit(context.get(), k_match_limit);
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
    pcre2_pattern_info(code.get(), PCRE2_INFO_MAXLOOKBEHIND, &lookbehind);
    lookbehind = std::max(lookbehind, 2U); // "^" looks back over CR LF
  }

  enum class Outcome { match, partial, none };
  Outcome match(std::string_view subject, std::size_t start, std::uint32_t options) const {
    const int result = pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(subject.data()),
                                   subject.size(), start, options, data.get(), context.get());
    if (result == PCRE2_ERROR_NOMATCH) {
      return Outcome::none;
    }
    if (result == PCRE2_ERROR_PARTIAL) {
      return Outcome::partial;
    }
    if (result < 0) {
      throw Error(format("matching '{}': {}; make the expression simpler", expression,
                         pcre2_message(result)));
    }
    return Outcome::match;
  }

  std::size_t begin() const { return pcre2_get_ovector_pointer(data.get())[0]; }
  std::size_t end() const { return pcre2_get_ovector_pointer(data.get())[1]; }

  std::optional<std::string> group(std::string_view subject, std::uint32_t number) const {
    const PCRE2_SIZE* const offsets = pcre2_get_ovector_pointer(data.get());
    const PCRE2_SIZE from = offsets[2 * number];
    const PCRE2_SIZE to = offsets[2 * number + 1];
    if (from == PCRE2_UNSET || to < from) {
      return std::nullopt;
    }
    return std::string(subject.substr(from, to - from));
  }

  std::map<std::string, std::string> named_groups(std::string_view subject) const {
    std::uint32_t count = 0;
    std::uint32_t entry_size = 0;
    PCRE2_SPTR entry = nullptr;
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMETABLE, &entry);
    std::map<std::string, std::string> named;
    for (; count > 0; --count, entry += entry_size) {
      const auto number = static_cast<std::uint32_t>(entry[0] << 8U | entry[1]);
      if (std::optional<std::string> text = group(subject, number)) {
        named.emplace(reinterpret_cast<const char*>(entry + 2), std::move(*text));
      }
    }
    return named;
  }

  std::string expression;
  Owned<pcre2_code> code;
  Owned<pcre2_match_data> data;
  Owned<pcre2_jit_stack> stack;
  Owned<pcre2_match_context> context;
  std::uint32_t lookbehind = 0;
};

Regex::Regex(const std::string& expression)
  : m_code(std::make_unique<Code>(expression)) {}
Regex::~Regex() = default;
Regex::Regex(Regex&& other) noexcept = default;
Regex& Regex::operator=(Regex&& other) noexcept = default;

const std::string& Regex::expression() const noexcept { return m_code->expression; }

std::optional<Regex::Found> Regex::search(std::string_view subject) const {
  if (m_code->match(subject, 0, 0) != Code::Outcome::match) {
    return std::nullopt;
  }
  Found found;
  found.begin = m_code->begin();
  found.end = std::max(m_code->begin(), m_code->end());
  const std::uint32_t count = pcre2_get_ovector_count(m_code->data.get());
  for (std::uint32_t number = 1; number < count; ++number) {
    found.groups.push_back(m_code->group(subject, number).value_or(""));
  }
  found.named = m_code->named_groups(subject);
  return found;
}

// One expression over a stream. The buffer holds the part of the stream that an attempt may still
// need: from the start of a partial match, and before it what the expression may look back at.
class RegexStream {
public:
  RegexStream(const std::string& expression, std::size_t pattern, std::uint64_t start)
    : m_regex(expression)
    , m_pattern(pattern)
    , m_offset(start) {}

  std::optional<Match> feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t old_size = m_buffer.size();
      const std::size_t taken = std::min(bytes.size(), 2 * k_window - old_size);
      m_buffer += bytes.substr(0, taken);
      bytes.remove_prefix(taken);
      if (search()) {
        return result(decided_at(old_size + 1));
      }
    }
    return std::nullopt;
  }

  std::optional<Match> settle() {
    if (!undecided() ||
        code().match(m_buffer, m_start, PCRE2_NOTEMPTY) != Regex::Code::Outcome::match) {
      return std::nullopt;
    }
    return result(m_buffer.size());
  }

  bool undecided() const { return m_start < m_buffer.size(); }
  std::uint64_t keep_from() const { return m_offset + m_start; }

private:
  const Regex::Code& code() const { return *m_regex.m_code; }

  // True if there is a match that no further byte can change.
  bool search() {
    for (;;) {
      switch (code().match(m_buffer, m_start, PCRE2_PARTIAL_HARD | PCRE2_NOTEMPTY)) {
      case Regex::Code::Outcome::match:
        return true;
      case Regex::Code::Outcome::none:
        m_start = m_buffer.size();
        forget();
        return false;
      case Regex::Code::Outcome::partial:
        m_start = std::max(m_start, code().begin());
        if (m_buffer.size() - m_start <= k_window) {
          forget();
          return false;
        }
        m_start += k_window / 2; // too long: give up what begins here, and its neighbours
      }
    }
  }

  void forget() {
    if (m_start > code().lookbehind) {
      const std::size_t count = m_start - code().lookbehind;
      m_buffer.erase(0, count);
      m_offset += count;
      m_start -= count;
    }
  }

  // The shortest part of the buffer, at least `from` long, that gives the match by itself. A match
  // that did not need the end of the buffer is the same with any longer buffer, so bisection works.
  std::size_t decided_at(std::size_t from) {
    std::size_t low = from;
    std::size_t high = m_buffer.size();
    const std::string_view buffer = m_buffer;
    const auto complete = [&](std::size_t size) {
      return code().match(buffer.substr(0, size), std::min(m_start, size),
                          PCRE2_PARTIAL_HARD | PCRE2_NOTEMPTY) == Regex::Code::Outcome::match;
    };
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (complete(middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    complete(high); // leave the offsets of the match behind
    return high;
  }

  Match result(std::size_t decided) {
    const std::size_t begin = code().begin();
    const std::size_t end = std::max(begin, code().end());
    return {m_pattern,
            m_offset + begin,
            m_offset + end,
            m_offset + decided,
            m_buffer.substr(begin, end - begin),
            code().named_groups(m_buffer)};
  }

  Regex m_regex;
  std::size_t m_pattern;
  std::string m_buffer;
  std::uint64_t m_offset;  // of the buffer's first byte in the stream
  std::size_t m_start = 0; // where in the buffer the next attempt begins
};

bool comes_before(const Match& a, const Match& b) {
  return a.decided < b.decided || (a.decided == b.decided && a.end < b.end);
}

namespace {

std::vector<std::string> literals_of(const std::vector<Pattern>& patterns) {
  std::vector<std::string> literals;
  for (const Pattern& pattern : patterns) {
    if (pattern.kind == Pattern::Kind::text) {
      if (pattern.text.empty()) {
        throw Error("an empty text is always there; say what to look for", ExitCode::usage);
      }
      literals.push_back(pattern.text);
    }
  }
  return literals;
}

bool is_better(const Match& match, const std::optional<Match>& best) {
  return !best || comes_before(match, *best) ||
         (!comes_before(*best, match) && match.pattern < best->pattern);
}

} // namespace

Matcher::Matcher(const std::vector<Pattern>& patterns, std::uint64_t start)
  : m_literals(literals_of(patterns))
  , m_position(start) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (patterns[i].kind == Pattern::Kind::text) {
      m_literal_patterns.push_back(i);
    } else {
      m_expressions.push_back(std::make_unique<RegexStream>(patterns[i].text, i, start));
    }
  }
}

Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&& other) noexcept = default;
Matcher& Matcher::operator=(Matcher&& other) noexcept = default;

std::optional<Match> Matcher::feed_literals(std::string_view bytes) {
  if (m_literals.longest() == 0) {
    return std::nullopt;
  }
  const std::size_t overlap = m_literals.longest() - 1;
  std::optional<LiteralScan::Hit> hit;
  std::uint64_t base = m_position;
  if (!m_tail.empty()) {
    // What begins in the tail, or earlier than anything else in the first bytes.
    const std::size_t tail = m_tail.size();
    m_tail += bytes.substr(0, overlap);
    hit = m_literals.find(m_tail);
    base = m_position - tail;
    if (bytes.size() >= overlap) {
      m_tail.clear();
    }
  }
  if (!hit) {
    base = m_position;
    hit = m_literals.find(bytes);
  }
  if (bytes.size() >= overlap) {
    m_tail = bytes.substr(bytes.size() - overlap);
  } else {
    if (m_tail.empty()) {
      m_tail = bytes;
    }
    if (m_tail.size() > overlap) {
      m_tail.erase(0, m_tail.size() - overlap);
    }
  }
  if (!hit) {
    return std::nullopt;
  }
  return Match{m_literal_patterns[hit->index],
               base + hit->begin,
               base + hit->end,
               base + hit->end,
               m_literals.literal(hit->index),
               {}};
}

std::optional<Match> Matcher::feed(std::string_view bytes) {
  std::optional<Match> best = feed_literals(bytes);
  for (const std::unique_ptr<RegexStream>& expression : m_expressions) {
    // What is complete only behind the best so far cannot win.
    const auto limit = static_cast<std::size_t>(best ? best->decided - m_position : bytes.size());
    if (std::optional<Match> match = expression->feed(bytes.substr(0, limit));
        match && is_better(*match, best)) {
      best = std::move(match);
    }
  }
  m_position += bytes.size();
  return best;
}

std::optional<Match> Matcher::settle() {
  std::optional<Match> best;
  for (const std::unique_ptr<RegexStream>& expression : m_expressions) {
    if (std::optional<Match> match = expression->settle(); match && is_better(*match, best)) {
      best = std::move(match);
    }
  }
  return best;
}

bool Matcher::undecided() const {
  return std::any_of(m_expressions.begin(), m_expressions.end(),
                     [](const auto& expression) { return expression->undecided(); });
}

std::uint64_t Matcher::keep_from() const {
  std::uint64_t from = m_position;
  for (const std::unique_ptr<RegexStream>& expression : m_expressions) {
    from = std::min(from, expression->keep_from());
  }
  return from;
}

} // namespace qt
