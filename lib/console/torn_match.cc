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

std::vector<Pattern> without(std::vector<Pattern> patterns, std::size_t index) {
  patterns.erase(patterns.begin() + static_cast<std::ptrdiff_t>(index));
  return patterns;
}

} // namespace

TornMatcher::TornMatcher(const std::vector<Pattern>& patterns, std::uint64_t start, Printk printk)
  : m_plain(patterns, start)
  , m_position(start) {
  if (printk == Printk::ignore) {
    m_patterns = patterns;
    m_joined.emplace(patterns, start);
  }
}

std::optional<Match> TornMatcher::feed(std::string_view bytes) {
  if (m_part) {
    return feed_after_part(bytes);
  }
  std::optional<Match> match = m_plain.feed(bytes);
  if (m_joined) {
    // What is complete only after the first match cannot win.
    const std::size_t limit =
        match ? static_cast<std::size_t>(match->decided - m_position) : bytes.size();
    std::optional<Match> joined = m_joined->feed(bytes.substr(0, limit));
    if (match && !joined && m_joined->may_complete(*match) && m_joined->lacks_bytes_of(*match)) {
      m_position += limit;
      const std::uint64_t until = match->decided + k_most_awaited;
      Matcher others(without(m_patterns, match->pattern), m_position);
      m_part.emplace(Part{std::move(*match), std::move(others), until});
      return feed_after_part(bytes.substr(limit));
    }
    match = better(std::move(match), std::move(joined));
  }
  m_position += bytes.size();
  return match;
}

// Byte by byte, so that what ends the waiting does not depend on how the stream is cut.
std::optional<Match> TornMatcher::feed_after_part(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::optional<Match> other = m_part->others.feed(bytes.substr(i, 1));
    if (other && other->pattern >= m_part->match.pattern) {
      ++other->pattern; // it was left out of the list
    }
    std::optional<Match> joined = m_joined->feed(bytes.substr(i, 1));
    ++m_position;
    if (joined && joined->pattern == m_part->match.pattern && !is_whole_of_part(*joined)) {
      joined = m_part->match;
    }
    if (other || joined) {
      return better(std::move(other), std::move(joined));
    }
    if (!m_joined->may_complete(m_part->match) || m_position >= m_part->until) {
      return m_part->match;
    }
  }
  return std::nullopt;
}

bool TornMatcher::is_whole_of_part(const Match& joined) const {
  return joined.pattern == m_part->match.pattern && joined.begin == m_part->match.begin;
}

std::optional<Match> TornMatcher::settle() {
  if (m_part) {
    if (std::optional<Match> joined = m_joined->matcher.settle()) {
      const Match match = m_joined->in_stream(std::move(*joined), m_position);
      if (is_whole_of_part(match)) {
        return match;
      }
    }
    return m_part->match;
  }
  std::optional<Match> match = m_plain.settle();
  if (m_joined) {
    if (std::optional<Match> joined = m_joined->matcher.settle()) {
      match = better(std::move(match), m_joined->in_stream(std::move(*joined), m_position));
    }
  }
  return match;
}

bool TornMatcher::undecided() const {
  return m_part || m_plain.undecided() || (m_joined && m_joined->matcher.undecided());
}

std::uint64_t TornMatcher::keep_from() const {
  const std::uint64_t plain = m_part ? m_part->match.begin : m_plain.keep_from();
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

bool TornMatcher::Joined::may_complete(const Match& match) const {
  const std::optional<std::uint64_t> since = matcher.open_since(match.pattern);
  return since && offset_of(*since) == match.begin;
}

bool TornMatcher::Joined::lacks_bytes_of(const Match& match) const {
  return position - matcher.open_since(match.pattern).value_or(position) <
         match.decided - match.begin;
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
