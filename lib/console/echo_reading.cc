#include "console/echo_reading.hh"

#include <algorithm>
#include <utility>

namespace qt {

namespace {

constexpr std::size_t k_shortest_scrolled = 16; // no terminal is narrower

bool is_line_end(char byte) { return byte == '\r' || byte == '\n'; }

// Where the last character of the first `end` bytes begins, in UTF-8.
std::size_t last_character(std::string_view text, std::size_t end) {
  std::size_t begin = end - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) {
    --begin;
  }
  return begin;
}

} // namespace

bool EchoReading::is_caret_notated(char byte) {
  return (byte >= 0 && byte < ' ') || byte == '\x7f';
}

EchoReading::Answer EchoReading::feed(std::string_view text, char byte, std::size_t place) {
  m_next.clear();
  m_in_message.clear();
  for (const State& state : m_states) {
    advance(state, text, byte, place);
  }
  if (m_is_echo) {
    return Answer::echo;
  }
  if (std::exchange(m_is_scrolled, false)) { // whichever state has seen it
    for (std::size_t next = 1; next < text.size(); ++next) {
      go_on(next, Part::text);
    }
  }
  m_states.clear();
  // A byte of a time stamp that is text too was typed: a line may hold one.
  if (m_next.empty() && !m_in_message.empty()) {
    m_message = m_in_message.front().message;
    for (const State& state : m_in_message) {
      m_states.push_back({state.matched});
    }
    return Answer::message;
  }
  std::swap(m_states, m_next);
  if (m_states.size() > 1) {
    std::sort(m_states.begin(), m_states.end(),
              [](const State& a, const State& b) { return a.key() < b.key(); });
    const auto same = [](const State& a, const State& b) { return a.key() == b.key(); };
    m_states.erase(std::unique(m_states.begin(), m_states.end(), same), m_states.end());
  }
  return m_states.empty() ? Answer::no : Answer::more;
}

void EchoReading::advance(const State& state, std::string_view text, char byte, std::size_t place) {
  switch (state.part) {
  case Part::text:
  case Part::returned:
    return advance_text(state, text, byte, place);
  case Part::repeated:
    if (byte == text[state.matched]) {
      go_on(state.matched + 1, Part::text);
    }
    break;
  case Part::caret:
    if (byte == (text[state.matched] ^ '@')) {
      go_on(state.matched + 1, Part::text);
    }
    break;
  case Part::margin:
    return advance_margin(state, text, byte);
  case Part::escape:
    if (byte == '[') {
      go_on(state.matched, Part::sequence);
    }
    break;
  case Part::sequence:
    if (byte >= ' ' && byte <= '~') {
      go_on(state.matched, byte >= '@' ? Part::text : Part::sequence);
    }
    break;
  case Part::prefix:
    return advance_prefix(state, byte);
  }
}

// The byte as the line's next one, its end, or the start of something between.
void EchoReading::advance_text(const State& state, std::string_view text, char byte,
                               std::size_t place) {
  const std::size_t matched = state.matched;
  const bool may_be_scrolled = text.size() >= k_shortest_scrolled;
  const bool awaits_mark = state.part == Part::returned && matched == 0;
  if (matched < text.size() && text[matched] == byte && !awaits_mark) {
    go_on(matched + 1, Part::text);
  }
  if (matched < text.size() && is_caret_notated(text[matched]) && byte == '^') {
    go_on(matched, Part::caret);
  }
  if (state.part == Part::returned && byte == '<' && may_be_scrolled) {
    m_is_scrolled = true;
  }
  if (matched == 0) { // before the line's first byte only the mark of a scrolled one may stand
    if (byte == '\r' && may_be_scrolled) {
      go_on(0, Part::returned);
    }
  } else if (matched == text.size() && is_line_end(byte)) {
    m_is_echo = true;
  } else if (byte == '\r') {
    go_on(matched, Part::returned);
    go_on(last_character(text, matched), Part::repeated);
  } else if (byte == '\n' || byte == '\b') {
    go_on(matched, Part::text);
  } else if (byte == ' ') {
    go_on(matched, Part::margin);
  } else if (byte == '\x1b') {
    go_on(matched, Part::escape);
  } else {
    advance_prefix({matched, Part::prefix, place}, byte);
  }
}

void EchoReading::advance_margin(const State& state, std::string_view text, char byte) {
  if (byte == ' ') {
    go_on(state.matched, Part::margin);
  } else if (byte == '\b') {
    go_on(state.matched, Part::text);
  } else if (byte == '\r') {
    m_is_echo = m_is_echo || state.matched == text.size(); // it may be the CR that ends the line
    go_on(state.matched, Part::returned);
  }
}

void EchoReading::advance_prefix(State state, char byte) {
  const PrintkPrefix::Answer answer = state.printk.feed(byte);
  if (answer == PrintkPrefix::Answer::more) {
    m_next.push_back(state);
  } else if (answer == PrintkPrefix::Answer::yes) {
    m_in_message.push_back(state);
  }
}

} // namespace qt
