#include "console/echo_return.hh"

#include "base/text.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::size_t k_most_lines = 8;
constexpr std::size_t k_longest_watch = 64 * 1024;
constexpr std::size_t k_longest_typed = 1024;
constexpr unsigned k_enough_given_up = 2;
constexpr std::size_t k_tail = 1024; // a prompt with its colours is shorter
constexpr std::string_view k_prompt_ends = "#$%>";

using Places = std::vector<std::uint64_t>;

bool is_unseen(char byte) { return static_cast<unsigned char>(byte) < ' ' || byte == '\x7f'; }
bool ends_line(char byte) { return byte == '\r' || byte == '\n'; }

bool has(const Places& places, std::size_t place) {
  return (places[place / 64] >> (place % 64) & 1) != 0;
}
void put(Places& places, std::size_t place) {
  places[place / 64] |= std::uint64_t{1} << (place % 64);
}
void add(Places& places, const Places& more) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] |= more[i];
  }
}

// From those places of `from` at which the byte stands, one place on; says whether there are any.
bool advance(Places& to, const Places& from, const Places& byte) {
  std::uint64_t carry = 0;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::uint64_t word = from[i] & byte[i];
    to[i] = word << 1 | carry;
    all |= to[i];
    carry = word >> 63;
  }
  return all != 0;
}

// Control characters need not come back.
std::string visible(std::string_view typed) {
  std::string text;
  std::copy_if(typed.begin(), typed.end(), std::back_inserter(text),
               [](char byte) { return !is_unseen(byte); });
  return text;
}

} // namespace

void EchoReturn::expect(std::uint64_t id, std::string_view line, std::uint64_t at) {
  const std::string text = visible(line);
  if (!m_lines.empty() && m_lines.back().kind == Line::Kind::open_keys) {
    extend(m_lines.back(), text, at);
    m_lines.back().kind = Line::Kind::keys;
  }
  const bool ahead = std::any_of(m_lines.begin(), m_lines.end(), [](const Line& other) {
    return !other.end && other.kind == Line::Kind::line;
  });
  add_line(id, text, at, ahead);
}

void EchoReturn::expect_keys(std::string_view keys, std::uint64_t at) {
  const std::string text = visible(keys);
  if (!m_lines.empty() && m_lines.back().kind == Line::Kind::open_keys) {
    extend(m_lines.back(), text, at);
    return;
  }
  constexpr std::uint64_t k_of_keys = 0; // the filter's begin with 1
  if (add_line(k_of_keys, text, at, false)) {
    m_lines.back().kind = Line::Kind::open_keys;
  }
}

bool EchoReturn::add_line(std::uint64_t id, std::string_view text, std::uint64_t at, bool ahead) {
  const bool never_echoes = !m_has_echoed && m_given_up >= k_enough_given_up;
  if (text.empty() || text.size() > k_longest_typed || never_echoes) {
    return false;
  }
  if (m_lines.size() == k_most_lines) {
    m_lines.pop_front();
  }
  Line& added = m_lines.emplace_back();
  added.id = id;
  added.begin = at;
  added.ahead = ahead;
  added.ahead_from = at;
  extend(added, text, at);
  put(added.whole, 0);
  put(added.come, 0);
  put(added.at_line_start, 0); // it may begin where the cursor stands
  return true;
}

// What had come back of it goes on at `at`.
void EchoReturn::extend(Line& line, std::string_view text, std::uint64_t at) {
  const std::size_t size = line.text.size();
  if (size + text.size() > k_longest_typed) {
    return;
  }
  line.text += text;
  const std::size_t words = line.text.size() / 64 + 1;
  for (Places* const places :
       {&line.whole, &line.come, &line.at_line_start, &line.first, &line.second, &line.further}) {
    places->resize(words);
  }
  for (std::size_t i = 0; i < line.bytes.size(); ++i) {
    if (!line.bytes[i].empty()) {
      line.bytes[i].resize(words);
    }
  }
  for (std::size_t i = size; i < line.text.size(); ++i) {
    Places& places = line.bytes[static_cast<unsigned char>(line.text[i])];
    places.resize(words);
    put(places, i);
  }
  if (line.end && !text.empty()) {
    line.end.reset();
    line.may_be_echo.resize(static_cast<std::size_t>(at - line.begin), false);
    put(line.whole, size);
    put(line.come, size);
    put(line.at_line_start, size);
  }
}

bool EchoReturn::any_awaited() const {
  return std::any_of(m_lines.begin(), m_lines.end(), [](const Line& line) { return !line.end; });
}

void EchoReturn::feed(std::string_view bytes, std::uint64_t at) {
  for (; !bytes.empty() && any_awaited(); bytes.remove_prefix(1), ++at) {
    const bool in_sequence = is_in_sequence(bytes.front()); // moves the cursor or the like: no text
    std::optional<std::size_t> back;
    for (std::size_t i = 0; i < m_lines.size(); ++i) {
      if (!m_lines[i].end && in_sequence) {
        m_lines[i].may_be_echo.push_back(false);
      } else if (!m_lines[i].end) {
        watch(m_lines[i], bytes.front(), at);
        back = m_lines[i].end && !back ? i : back;
      }
    }
    if (back) {
      come_back(*back, at);
    }
    std::erase_if(m_lines, [](const Line& line) {
      return !line.end && line.may_be_echo.size() > k_longest_watch;
    });
    if (!in_sequence) {
      note(bytes.front());
    }
  }
  // Nothing is awaited: what matters of the rest is where it ends, also within a control sequence.
  if (bytes.size() > k_tail) {
    bytes.remove_prefix(bytes.size() - k_tail);
    m_sequence = Sequence::none;
  }
  for (const char byte : bytes) {
    if (!is_in_sequence(byte)) {
      note(byte);
    }
  }
}

// Whether the byte belongs to a control sequence (ECMA-48: ESC and one byte, or ESC [ up to a
// letter).
bool EchoReturn::is_in_sequence(char byte) {
  if (byte == '\x1b') {
    m_sequence = Sequence::escape;
    return true;
  }
  switch (m_sequence) {
  case Sequence::none:
    return false;
  case Sequence::escape:
    m_sequence = byte == '[' ? Sequence::parameters : Sequence::none;
    return !ends_line(byte);
  case Sequence::parameters:
    m_sequence = byte >= ' ' && byte < '@' ? Sequence::parameters : Sequence::none;
    return !ends_line(byte);
  }
  return false;
}

void EchoReturn::note(char byte) {
  const bool is_behind_prompt =
      byte == ' ' && k_prompt_ends.find(m_last_byte) != std::string_view::npos;
  m_at_line_start = ends_line(byte) || is_behind_prompt;
  m_last_byte = byte;
}

void EchoReturn::watch(Line& line, char byte, std::uint64_t at) {
  if (ends_line(byte)) {
    const std::size_t size = line.text.size();
    const bool just_come =
        has(line.at_line_start, size) || has(line.second, size) || has(line.further, size);
    if (just_come || (m_at_line_start && has(line.come, size))) {
      line.end = at;
      line.in_pieces = true;
      return;
    }
  }
  const Places& places = line.bytes[static_cast<unsigned char>(byte)];
  if (places.empty()) {
    for (Places* const piece :
         {&line.whole, &line.at_line_start, &line.first, &line.second, &line.further}) {
      std::fill(piece->begin(), piece->end(), 0);
    }
    line.may_be_echo.push_back(false);
    return;
  }
  if (m_at_line_start) {
    put(line.whole, 0);
    add(line.at_line_start, line.come);
  }
  advance(line.whole, line.whole, places);
  if (has(line.whole, line.text.size())) {
    line.end = at + 1;
    return;
  }
  add(line.further, line.second);
  const bool in_further = advance(line.further, line.further, places);
  const bool in_second = advance(line.second, line.first, places);
  const bool in_first = advance(line.first, line.come, places);
  const bool in_line = advance(line.at_line_start, line.at_line_start, places);
  add(line.come, line.at_line_start);
  add(line.come, line.further);
  line.may_be_echo.push_back(in_further || in_second || in_first || in_line);
}

// What was typed before it and has not come back is not echoed; what was typed after it may be
// still to come.
void EchoReturn::come_back(std::size_t index, std::uint64_t at) {
  m_has_echoed = true;
  for (std::size_t i = index + 1; i < m_lines.size(); ++i) {
    m_lines[i].ahead_from = at;
  }
  const auto end = m_lines.begin() + static_cast<std::ptrdiff_t>(index);
  for (auto line = m_lines.begin(); line != end; ++line) {
    if (!line->end && line->kind != Line::Kind::line) { // the line's echo was the end of theirs
      line->end = at;
    }
  }
  m_lines.erase(std::remove_if(m_lines.begin(), end, [](const Line& line) { return !line.end; }),
                end);
}

void EchoReturn::taken_out(std::uint64_t id, std::uint64_t at) {
  m_has_echoed = true;
  for (std::size_t i = 0; i < m_lines.size(); ++i) {
    if (m_lines[i].id == id && !m_lines[i].end) {
      m_lines[i].end = at;
      return come_back(i, at);
    }
  }
}

void EchoReturn::forget_before(std::uint64_t offset) {
  std::erase_if(m_lines, [offset](const Line& line) { return line.end && *line.end <= offset; });
}

bool EchoReturn::is_clean(const Line& line, std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t at = begin; at < end; ++at) {
    const auto place = static_cast<std::size_t>(at - line.begin);
    if (place >= line.may_be_echo.size() || line.may_be_echo[place]) {
      return false;
    }
  }
  return true;
}

EchoReturn::Judgement EchoReturn::judge(const Match& match) const {
  Judgement judgement;
  for (const Line& line : m_lines) {
    const std::uint64_t from = std::max(match.begin, line.begin);
    const std::uint64_t to = std::min(match.end, line.end.value_or(match.end));
    const std::string_view part = trim(match.text);
    const bool is_part = !part.empty() && line.text.find(part) != std::string::npos;
    if (from >= to || is_clean(line, from, to) || (line.kind != Line::Kind::line && !is_part)) {
      continue;
    }
    if (!line.end) {
      if (judgement.answer == Answer::counts) {
        judgement = {Answer::unknown, 0, line.text};
      }
      continue;
    }
    if (!line.in_pieces && line.ahead && from >= line.ahead_from && !is_part) {
      continue; // what the lines before it have printed
    }
    judgement = {Answer::is_echo, std::max(judgement.search_from, *line.end), line.text};
  }
  return judgement;
}

bool EchoReturn::is_part_of_line(std::string_view text) const {
  const std::string_view part = trim(text);
  return std::any_of(m_lines.begin(), m_lines.end(), [part](const Line& line) {
    return !line.end && line.text.find(part) != std::string::npos;
  });
}

std::vector<std::string> EchoReturn::give_up(std::uint64_t at) {
  std::vector<std::string> lines;
  for (Line& line : m_lines) {
    if (line.end) {
      continue;
    }
    lines.push_back(line.text);
    line.begin = at;
    line.may_be_echo.clear();
    m_given_up += 1;
  }
  std::erase_if(m_lines,
                [this](const Line& line) { return !line.end && !(line.ahead && m_has_echoed); });
  return lines;
}

} // namespace qt
