#include "console/printk.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::uint8_t k_longest_prefix = 48;
constexpr std::size_t k_longest_message = 4096;

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// Where a prefix may begin; the size if nowhere. A short way at a time, so that one sign that is
// frequent does not make the search for the other start over and over.
std::size_t find_begin(std::string_view bytes) {
  constexpr std::size_t k_way = 512;
  for (std::size_t at = 0; at < bytes.size(); at += k_way) {
    const std::string_view way = bytes.substr(at, k_way);
    const std::size_t bracket = std::min(way.find('['), way.size());
    const std::size_t begin = std::min(way.substr(0, bracket).find('<'), bracket);
    if (begin < way.size()) {
      return at + begin;
    }
  }
  return bytes.size();
}

// How long the prefix is that stands whole at the start of `bytes`; 0 if there is none.
std::size_t whole_prefix(std::string_view bytes) {
  PrintkPrefix prefix;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const PrintkPrefix::Answer answer = prefix.feed(bytes[i]);
    if (answer != PrintkPrefix::Answer::more) {
      return answer == PrintkPrefix::Answer::yes ? i + 1 : 0;
    }
  }
  return 0;
}

} // namespace

PrintkPrefix::Answer PrintkPrefix::feed(char byte) {
  const auto go_on = [this](Part part) {
    m_part = part;
    m_digits = 0;
    return Answer::more;
  };
  if (++m_length > k_longest_prefix) {
    return Answer::no;
  }
  if (is_digit(byte) && (m_part == Part::level || m_part == Part::seconds ||
                         m_part == Part::fraction || m_part == Part::number)) {
    ++m_digits;
    return Answer::more;
  }
  switch (m_part) {
  case Part::begin:
    return byte == '[' ? go_on(Part::seconds) : byte == '<' ? go_on(Part::level) : Answer::no;
  case Part::level:
    return byte == '>' && m_digits > 0 ? go_on(Part::time) : Answer::no;
  case Part::time:
    return byte == '[' ? go_on(Part::seconds) : Answer::no;
  case Part::seconds:
    return byte == ' ' && m_digits == 0  ? Answer::more
           : byte == '.' && m_digits > 0 ? go_on(Part::fraction)
                                         : Answer::no;
  case Part::fraction:
    return byte == ']' && m_digits > 0 ? go_on(Part::after_time) : Answer::no;
  case Part::after_time:
    return byte == ' ' ? Answer::yes : byte == '[' ? go_on(Part::caller) : Answer::no;
  case Part::caller:
    return byte == ' '                  ? Answer::more
           : byte == 'T' || byte == 'C' ? go_on(Part::number)
                                        : Answer::no;
  case Part::number:
    return byte == ']' && m_digits > 0 ? go_on(Part::end) : Answer::no;
  case Part::end:
    return byte == ' ' ? Answer::yes : Answer::no;
  }
  return Answer::no;
}

void PrintkFilter::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    std::size_t taken = 1;
    if (m_in_message) {
      taken = drop(bytes);
    } else if (m_held.empty()) {
      taken = find_begin(bytes);
      if (taken > 0) {
        sink(bytes.substr(0, taken), m_position, 0);
      } else if (taken = whole_prefix(bytes); taken > 0) { // nothing of it has to be held
        begin_message();
      }
    }
    if (taken == 0 || !m_held.empty()) {
      taken = 1;
      ++m_position;
      take(bytes.front(), sink);
    } else {
      m_position += taken;
    }
    bytes.remove_prefix(taken);
  }
}

std::size_t PrintkFilter::drop(std::string_view bytes) {
  bytes = bytes.substr(0, k_longest_message - m_dropped);
  const std::size_t newline = bytes.find('\n');
  const std::size_t taken = std::min(newline, bytes.size() - 1) + 1;
  m_dropped += taken;
  m_in_message = newline == std::string_view::npos && m_dropped < k_longest_message;
  return taken;
}

// Takes a byte that is held or begins what is held.
void PrintkFilter::take(char byte, const Sink& sink) {
  m_held += byte;
  PrintkPrefix::Answer answer = m_prefix.feed(byte);
  while (answer == PrintkPrefix::Answer::no) {
    // No message begins with the first byte; one may begin with a later one.
    const std::size_t next = std::min(m_held.find_first_of("[<", 1), m_held.size());
    sink(std::string_view(m_held).substr(0, next), decided_to(), m_position);
    m_held.erase(0, next);
    m_prefix = {};
    answer = PrintkPrefix::Answer::more;
    for (const char held : m_held) {
      answer = m_prefix.feed(held);
      if (answer == PrintkPrefix::Answer::no) {
        break;
      }
    }
  }
  if (answer == PrintkPrefix::Answer::yes) {
    m_held.clear();
    m_prefix = {};
    begin_message();
  }
}

void PrintkFilter::begin_message() {
  m_in_message = true;
  m_dropped = 0;
}

} // namespace qt
