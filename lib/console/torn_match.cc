#include "console/torn_match.hh"

#include "console/regex_stream.hh"

#include <algorithm>

namespace qt {

namespace {

std::optional<Match> better(std::optional<Match> plain, std::optional<Match> joined) {
  if (!joined || (plain && !comes_before(*joined, *plain))) {
    return plain;
  }
  return joined;
}

} // namespace

TornMatcher::TornMatcher(const std::vector<Pattern>& patterns, std::uint64_t start, Printk printk)
  : m_plain(patterns, start)
  , m_position(start) {
  if (printk == Printk::ignore) {
    m_joined.emplace(patterns, start);
  }
}

std::optional<Match> TornMatcher::feed(std::string_view bytes) {
  std::optional<Match> match = m_plain.feed(bytes);
  if (m_joined) {
    // What is complete only after the first match cannot win.
    const std::size_t limit =
        match ? static_cast<std::size_t>(match->decided - m_position) : bytes.size();
    match = better(std::move(match), m_joined->feed(bytes.substr(0, limit)));
  }
  m_position += bytes.size();
  return match;
}

std::optional<Match> TornMatcher::settle() {
  std::optional<Match> match = m_plain.settle();
  if (m_joined) {
    if (std::optional<Match> joined = m_joined->matcher.settle()) {
      match = better(std::move(match), m_joined->in_stream(std::move(*joined), m_position));
    }
  }
  return match;
}

bool TornMatcher::undecided() const {
  return m_plain.undecided() || (m_joined && m_joined->matcher.undecided());
}

std::uint64_t TornMatcher::keep_from() const {
  const std::uint64_t plain = m_plain.keep_from();
  return m_joined ? std::min(plain, m_joined->offset_of(m_joined->matcher.keep_from())) : plain;
}

TornMatcher::Joined::Joined(const std::vector<Pattern>& patterns, std::uint64_t start)
  : filter(start)
  , matcher(patterns, start)
  , gaps{{start, start}}
  , position(start)
  , reach(2 * k_regex_window) {
  for (const Pattern& pattern : patterns) {
    reach = std::max(reach, pattern.text.size());
  }
}

std::optional<Match> TornMatcher::Joined::feed(std::string_view bytes) {
  std::optional<Match> found;
  filter.feed(bytes, [&](std::string_view passed, std::uint64_t offset, std::uint64_t known) {
    if (!found) {
      remember(offset);
      position += passed.size();
      if (std::optional<Match> match = matcher.feed(passed)) {
        found = in_stream(std::move(*match), known);
      }
    }
  });
  return found;
}

// The next byte to be fed is at `offset` in the stream.
void TornMatcher::Joined::remember(std::uint64_t offset) {
  if (offset - position != gaps.back().offset - gaps.back().joined) {
    gaps.push_back({position, offset});
  }
  while (gaps.size() > 1 && gaps[1].joined + reach < position) {
    gaps.pop_front();
  }
}

std::uint64_t TornMatcher::Joined::offset_of(std::uint64_t joined) const {
  if (joined == position) {
    return filter.decided_to();
  }
  const auto after =
      std::upper_bound(gaps.begin(), gaps.end(), joined,
                       [](std::uint64_t offset, const Gap& gap) { return offset < gap.joined; });
  const Gap& gap = after == gaps.begin() ? *after : *std::prev(after);
  return gap.offset + (joined - gap.joined);
}

// `known`: see PrintkFilter::Sink.
Match TornMatcher::Joined::in_stream(Match match, std::uint64_t known) const {
  match.decided = std::max(offset_of(match.decided - 1) + 1, known);
  match.begin = offset_of(match.begin);
  match.end = offset_of(match.end - 1) + 1;
  return match;
}

} // namespace qt
