#include "console/regex_stream.hh"

#include <algorithm>

namespace qt {

RegexStream::RegexStream(const std::string& expression, std::size_t pattern, std::uint64_t start)
  : m_regex(expression)
  , m_pattern(pattern)
  , m_offset(start) {}

std::string_view RegexStream::prefix() const {
  const std::string& prefix = m_regex.prefix();
  return prefix.size() >= k_useful_prefix ? prefix : std::string_view();
}

std::optional<Match> RegexStream::feed(std::string_view bytes, std::uint64_t first) {
  while (!bytes.empty()) {
    if (const std::uint64_t next = m_offset + m_buffer.size(); !m_open && first > next) {
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), first - next));
      skip(bytes.substr(0, count));
      bytes.remove_prefix(count);
      continue;
    }
    const std::size_t old_size = m_buffer.size();
    const std::size_t taken = std::min(bytes.size(), m_start + k_regex_window - old_size);
    const std::string_view fresh = bytes.substr(0, taken);
    m_buffer += fresh;
    bytes.remove_prefix(taken);
    if (!m_open && first > m_offset + m_start) {
      m_start = static_cast<std::size_t>(first - m_offset);
    }
    if (lacks_needed_byte(fresh)) {
      continue;
    }
    const Search found = search();
    if (found != Search::goes_on) {
      return result(found == Search::found ? decided_at(old_size + 1) : m_buffer.size());
    }
  }
  return std::nullopt;
}

std::optional<Match> RegexStream::settle() {
  if (!m_open || m_regex.attempt(m_buffer, m_start, Regex::Rest::none) != Regex::Outcome::match) {
    return std::nullopt;
  }
  return result(m_buffer.size());
}

// Nothing begins in these bytes or before but perhaps, at their end, the prefix. Only what may
// still be needed is copied: with many expressions this is most of the work.
void RegexStream::skip(std::string_view bytes) {
  const std::size_t cut = m_regex.prefix().size() - 1;
  if (const std::size_t kept = m_regex.lookbehind() + cut; bytes.size() > kept) {
    m_offset += m_buffer.size() + bytes.size() - kept;
    m_buffer = bytes.substr(bytes.size() - kept);
    m_start = m_regex.lookbehind();
    return;
  }
  m_buffer += bytes;
  m_start = std::max(m_start, m_buffer.size() - std::min(cut, m_buffer.size()));
  forget();
}

// True if the open attempt cannot come to a match yet: it need not be looked at again, which would
// cost as much as it is long.
bool RegexStream::lacks_needed_byte(std::string_view fresh) {
  m_has_needed = m_has_needed || !m_open || m_regex.has_needed_byte(fresh);
  return !m_has_needed && m_buffer.size() - m_start < k_regex_window;
}

RegexStream::Search RegexStream::search() {
  Search where = Search::found;
  for (;;) {
    switch (m_regex.attempt(m_buffer, m_start, Regex::Rest::may_follow)) {
    case Regex::Outcome::match:
      return where;
    case Regex::Outcome::none:
      m_start = m_buffer.size();
      m_open = false;
      forget();
      return Search::goes_on;
    case Regex::Outcome::partial:
      m_start = std::max(m_start, m_regex.begin());
      m_open = true;
      m_has_needed = m_regex.has_needed_byte(std::string_view(m_buffer).substr(m_start));
      if (m_buffer.size() - m_start < k_regex_window) {
        forget();
        return Search::goes_on;
      }
      where = Search::found_at_end;
      if (fits_in_window()) {
        return where;
      }
      m_start += k_regex_window / 2;
    }
  }
}

// The window is full: true if there is a match in it that would be given up with its first half.
bool RegexStream::fits_in_window() {
  return m_regex.may_match(m_buffer, m_start) &&
         m_regex.attempt(m_buffer, m_start, Regex::Rest::none) == Regex::Outcome::match &&
         m_regex.begin() < m_start + k_regex_window / 2;
}

void RegexStream::forget() {
  if (m_start > m_regex.lookbehind()) {
    const std::size_t count = m_start - m_regex.lookbehind();
    m_buffer.erase(0, count);
    m_offset += count;
    m_start -= count;
  }
}

// The shortest part of the buffer, at least `from` long, that gives the match by itself. A match
// that did not need the end of the buffer is the same with any longer buffer, so bisection works.
std::size_t RegexStream::decided_at(std::size_t from) {
  std::size_t low = from;
  std::size_t high = m_buffer.size();
  const std::string_view buffer = m_buffer;
  const auto complete = [&](std::size_t size) {
    return m_regex.attempt(buffer.substr(0, size), std::min(m_start, size),
                           Regex::Rest::may_follow) == Regex::Outcome::match;
  };
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (complete(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  complete(high); // once more: its offsets are what is asked for next
  return high;
}

Match RegexStream::result(std::size_t decided) const {
  const std::size_t begin = m_regex.begin();
  const std::size_t end = m_regex.end();
  return {m_pattern,
          m_offset + begin,
          m_offset + end,
          m_offset + decided,
          m_buffer.substr(begin, end - begin),
          m_regex.named_groups(m_buffer)};
}

} // namespace qt
