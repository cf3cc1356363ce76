#include "console/match.hh"

#include "base/error.hh"
#include "console/regex_stream.hh"

#include <algorithm>

namespace qt {

namespace {

bool is_better(const Match& match, const std::optional<Match>& best) {
  return !best || comes_before(match, *best) ||
         (!comes_before(*best, match) && match.pattern < best->pattern);
}

} // namespace

Matcher::Matcher(const std::vector<Pattern>& patterns, std::uint64_t start)
  : m_position(start) {
  std::vector<std::string> literals;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const Pattern& pattern = patterns[i];
    if (pattern.text.empty()) {
      throw Error("an empty text is always there; say what to look for", ExitCode::usage);
    }
    if (pattern.kind == Pattern::Kind::regex) {
      m_expressions.push_back(std::make_unique<RegexStream>(pattern.text, i, start));
    } else {
      m_literal_patterns.push_back(i);
      literals.push_back(pattern.text);
    }
  }
  for (std::size_t i = 0; i < m_expressions.size(); ++i) {
    if (const std::string_view prefix = m_expressions[i]->prefix(); !prefix.empty()) {
      m_prefixed.push_back(i);
      literals.emplace_back(prefix);
    }
  }
  m_first.resize(m_expressions.size());
  m_literals = LiteralScan(std::move(literals));
}

Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&& other) noexcept = default;
Matcher& Matcher::operator=(Matcher&& other) noexcept = default;

// Finds the first literal and, before its end, where each prefix first occurs. What lies wholly in
// the tail has been seen before.
std::optional<Match> Matcher::scan(std::string_view bytes) {
  for (const std::size_t expression : m_prefixed) {
    m_first[expression] = RegexStream::k_nowhere;
  }
  if (m_literals.longest() == 0) {
    return std::nullopt;
  }
  std::optional<Match> best;
  const auto look = [&](std::string_view block, std::uint64_t base) {
    m_literals.each(block, [&](const LiteralScan::Hit& hit) {
      const std::uint64_t begin = base + hit.begin;
      const std::uint64_t end = base + hit.end;
      if (end <= m_position) {
        return block.size();
      }
      if (hit.index >= m_literal_patterns.size()) {
        std::uint64_t& first = m_first[m_prefixed[hit.index - m_literal_patterns.size()]];
        first = std::min(first, begin);
        return block.size();
      }
      const Match match = {m_literal_patterns[hit.index], begin, end, end, {}, {}};
      if (is_better(match, best)) {
        best = match;
        best->text = m_literals.literal(hit.index);
      }
      return hit.end;
    });
  };
  if (!m_tail.empty()) {
    const std::size_t tail = m_tail.size();
    m_tail += bytes.substr(0, m_literals.longest() - 1);
    look(m_tail, m_position - tail);
    m_tail.resize(tail);
  }
  if (!best) {
    look(bytes, m_position);
  }
  keep_tail(bytes);
  return best;
}

void Matcher::keep_tail(std::string_view bytes) {
  const std::size_t limit = m_literals.longest() - 1;
  if (bytes.size() >= limit) {
    m_tail = bytes.substr(bytes.size() - limit);
  } else {
    m_tail += bytes;
    m_tail.erase(0, m_tail.size() - std::min(m_tail.size(), limit));
  }
}

std::optional<Match> Matcher::feed(std::string_view bytes) {
  std::optional<Match> best = scan(bytes);
  for (std::size_t i = 0; i < m_expressions.size(); ++i) {
    // What is complete only after the best so far cannot win.
    const auto limit = static_cast<std::size_t>(best ? best->decided - m_position : bytes.size());
    if (std::optional<Match> match = m_expressions[i]->feed(bytes.substr(0, limit), m_first[i]);
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

std::optional<std::uint64_t> Matcher::open_since(std::size_t pattern) const {
  for (const std::unique_ptr<RegexStream>& expression : m_expressions) {
    if (expression->pattern() == pattern) {
      return expression->open_since();
    }
  }
  return std::nullopt;
}

std::uint64_t Matcher::keep_from() const {
  std::uint64_t from = m_position;
  for (const std::unique_ptr<RegexStream>& expression : m_expressions) {
    from = std::min(from, expression->keep_from());
  }
  return from;
}

} // namespace qt
