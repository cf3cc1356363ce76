#include "console/echo.hh"

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
  return static_cast<unsigned char>(byte) < ' ' || byte == '\x7f';
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

namespace {

constexpr std::size_t k_most_pending = 8;
constexpr std::size_t k_most_prompts = 8;
constexpr std::size_t k_longest_prompt = 128;
constexpr std::uint64_t k_no_line = std::uint64_t(0) - 1;
constexpr std::size_t k_most_held = 64 * 1024;
// Steps that a byte of the stream pays for, and as many as are kept: a typed line fills them up.
constexpr std::int64_t k_steps_per_byte = 16;
constexpr std::int64_t k_most_steps = 1024 * 1024;
constexpr std::string_view k_prompt_signs = "#$%>";

unsigned char index_of(char byte) { return static_cast<unsigned char>(byte); }

bool is_of_word(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') || byte == '_' || index_of(byte) >= 0x80;
}

} // namespace

std::uint64_t EchoFilter::expect(std::string_view line) {
  ++m_lines;
  if (line.empty()) {
    return m_lines;
  }
  if (m_pending.size() == k_most_pending) {
    m_pending.pop_front();
    // Readings of the line that is given up end; the others move up.
    std::erase_if(m_readings, [](const Reading& reading) { return reading.line == 0; });
    for (Reading& reading : m_readings) {
      --reading.line;
    }
  }
  m_steps = k_most_steps;
  const bool line_is_begun = !m_cursor.text().empty();
  m_pending.push_back(
      {m_lines, std::string(line), m_passed, line_is_begun ? m_cursor.number() : k_no_line});
  update_starts();
  return m_lines;
}

void EchoFilter::update_starts() {
  m_starts.fill(false);
  m_seconds.fill(false);
  for (const Line& line : m_pending) {
    const char first = line.text.front();
    m_starts[index_of(first)] = true;
    m_starts['\r'] = true; // of a scrolled line
    if (EchoReading::is_caret_notated(first)) {
      m_starts['^'] = true;
      m_seconds[index_of(static_cast<char>(first ^ '@'))] = true;
    }
    if (line.text.size() > 1) {
      m_seconds[index_of(line.text[1])] = true;
    }
  }
}

// Most bytes with which an echo could begin are those of other words and lines: the next one shows
// it. What may stand between two bytes of a line never begins with a byte of a word, and after the
// CR of a scrolled line comes its mark or another CR. `bytes` begin with one of m_starts.
bool EchoFilter::may_start(std::string_view bytes) const {
  if (bytes.size() == 1) {
    return true;
  }
  const char second = bytes[1];
  if (bytes[0] == '\r' && second != '<' && second != '\r') {
    return std::any_of(m_pending.begin(), m_pending.end(),
                       [](const Line& line) { return line.text.front() == '\r'; });
  }
  return !is_of_word(second) || m_seconds[index_of(second)];
}

void EchoFilter::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty() || m_again_at < m_again.size()) {
    const bool again = m_again_at < m_again.size(); // before anything newer
    const std::string_view next = again ? std::string_view(m_again).substr(m_again_at) : bytes;
    const char byte = next.front();
    const std::size_t passed = pass_some(next, sink);
    const std::size_t taken = std::max<std::size_t>(passed, 1);
    if (again) {
      m_again_at += taken;
    } else {
      bytes.remove_prefix(taken);
      const auto came = static_cast<std::int64_t>(taken);
      m_steps = std::min(m_steps + came * k_steps_per_byte, k_most_steps);
    }
    if (passed == 0) {
      take(byte, sink);
    }
  }
}

void EchoFilter::pass(std::string_view bytes, const Sink& sink) {
  m_passed += bytes.size();
  m_cursor.feed(bytes);
  sink(bytes);
}

// Passes what is no part of an echo from the front; says how many bytes. If none, the first may be.
std::size_t EchoFilter::pass_some(std::string_view bytes, const Sink& sink) {
  if (m_in_message) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
    m_in_message = bytes[end - 1] != '\n';
    pass(bytes.substr(0, end), sink);
    return end;
  }
  if (m_held.empty()) {
    std::size_t passing = m_pending.empty() ? bytes.size() : 0;
    while (passing < bytes.size() &&
           !(m_starts[index_of(bytes[passing])] && may_start(bytes.substr(passing)))) {
      ++passing;
    }
    if (passing > 0) {
      pass(bytes.substr(0, passing), sink);
      return passing;
    }
    if (m_steps <= 0 || !begin_readings()) {
      pass(bytes.substr(0, 1), sink);
      return 1;
    }
  }
  return 0;
}

// Begins a reading for each line whose echo may begin here; false if there is none.
bool EchoFilter::begin_readings() {
  const std::uint64_t cursor_line = m_cursor.number();
  const std::string_view before = m_cursor.text();
  for (std::size_t line = 0; line < m_pending.size(); ++line) {
    if (may_begin(m_pending[line], before, cursor_line)) {
      m_readings.push_back({line, {}});
    }
  }
  if (!m_readings.empty()) {
    m_before = before;
  }
  return !m_readings.empty();
}

bool EchoFilter::may_begin(const Line& line, std::string_view before,
                           std::uint64_t cursor_line) const {
  if (line.echoed) {
    return is_prompt(before);
  }
  if (before.empty() || line.typed_at == m_passed) {
    return true;
  }
  if (is_of_word(before.back()) && is_of_word(line.text.front())) {
    return false;
  }
  const std::size_t last = before.find_last_not_of(" \t");
  return last == std::string_view::npos || !is_of_word(before[last]) ||
         line.typed_on == cursor_line || is_prompt(before);
}

bool EchoFilter::is_prompt(std::string_view text) const {
  if (std::find(m_prompts.begin(), m_prompts.end(), text) != m_prompts.end()) {
    return true;
  }
  if (text.size() < 2 || text.back() != ' ') {
    return false;
  }
  const std::size_t last = text.size() - 2;
  return k_prompt_signs.find(text[last]) != std::string_view::npos &&
         text.find_first_of(k_prompt_signs) == last;
}

void EchoFilter::finish(const Sink& sink) {
  if (!m_held.empty()) {
    pass(m_held, sink);
  }
  m_held.clear();
  m_readings.clear();
  m_in_message = false;
}

// Takes one byte that is held or begins what is held.
void EchoFilter::take(char byte, const Sink& sink) {
  pay_for_step();
  std::vector<Reading> in_message;
  auto alive = m_readings.begin();
  for (Reading& reading : m_readings) {
    switch (reading.reading.feed(m_pending[reading.line].text, byte, m_held.size())) {
    case EchoReading::Answer::no:
      break;
    case EchoReading::Answer::more:
      std::swap(*alive++, reading);
      break;
    case EchoReading::Answer::message:
      in_message.push_back(std::move(reading));
      break;
    case EchoReading::Answer::echo: // of equal lines the first
      complete(reading.line);
      pass(std::string_view(&byte, 1), sink);
      return;
    }
  }
  m_readings.erase(alive, m_readings.end());
  m_held += byte;
  const bool message_begins = m_readings.empty() && !in_message.empty();
  if (message_begins) {
    m_readings = std::move(in_message);
    const std::size_t begin = m_readings.front().reading.message_begin();
    pass(std::string_view(m_held).substr(begin), sink);
    m_held.erase(begin);
    m_in_message = true;
  } else if (m_readings.empty()) {
    look_again(sink);
  }
}

// Readings that cost more than is left, or hold too much, are given up; what they owe is paid
// first.
void EchoFilter::pay_for_step() {
  for (const Reading& reading : m_readings) {
    m_steps -= static_cast<std::int64_t>(reading.reading.width());
  }
  if (m_steps < 0 || m_held.size() == k_most_held) {
    m_readings.clear();
  }
}

// No echo begins here: the first byte goes, what follows it is looked at again, before what of that
// is still to come.
void EchoFilter::look_again(const Sink& sink) {
  const std::string_view rest = std::string_view(m_held).substr(1);
  const std::size_t known = std::min(rest.size(), m_again_at);
  m_again_at -= known;
  m_again.replace(m_again_at, known, rest);
  pass(std::string_view(m_held).substr(0, 1), sink);
  m_held.clear();
}

// Behind a prompt nothing more is to come for this line and those before it. Else each of them may
// come once more, after one.
void EchoFilter::complete(std::size_t line) {
  m_held.clear();
  m_readings.clear();
  if (m_taken) {
    m_taken(m_pending[line].number, m_passed);
  }
  const auto end = m_pending.begin() + static_cast<std::ptrdiff_t>(line) + 1;
  if (is_prompt(m_before)) {
    m_pending.erase(m_pending.begin(), end);
    update_starts();
    return;
  }
  std::for_each(m_pending.begin(), end, [](Line& echoed) { echoed.echoed = true; });
  if (!m_before.empty() && m_before.size() <= k_longest_prompt) {
    m_prompts.push_back(m_before);
    if (m_prompts.size() > k_most_prompts) {
      m_prompts.pop_front();
    }
  }
}

} // namespace qt
