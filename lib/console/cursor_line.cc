#include "console/cursor_line.hh"

#include "console/printk.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::size_t k_unread = 4096; // no line that matters begins longer ago
constexpr std::size_t k_line = 256;

// Where a kernel message begins in `line`; its size if none does.
std::size_t message_in(std::string_view line) {
  for (std::size_t begin = line.find_first_of("[<"); begin < line.size();
       begin = line.find_first_of("[<", begin + 1)) {
    PrintkPrefix prefix;
    PrintkPrefix::Answer answer = PrintkPrefix::Answer::more;
    for (std::size_t i = begin; i < line.size() && answer == PrintkPrefix::Answer::more; ++i) {
      answer = prefix.feed(line[i]);
    }
    if (answer == PrintkPrefix::Answer::yes) {
      return begin;
    }
  }
  return line.size();
}

} // namespace

void CursorLine::feed(std::string_view bytes) {
  if (bytes.size() >= k_unread) {
    bytes.remove_prefix(bytes.size() - k_unread);
    m_unread.clear();
    begin_line();
  } else if (m_unread.size() + bytes.size() > 2 * k_unread) {
    m_unread.erase(0, m_unread.size() - k_unread);
    begin_line();
  }
  m_unread += bytes;
}

std::string_view CursorLine::text() {
  read();
  return m_returned ? std::string_view() : m_text;
}

std::uint64_t CursorLine::number() {
  read();
  return m_number;
}

void CursorLine::read() {
  m_escapes.feed(m_unread, [this](std::string_view visible) {
    std::for_each(visible.begin(), visible.end(), [this](char byte) { take(byte); });
  });
  m_unread.clear();
}

void CursorLine::take(char byte) {
  if (byte == '\n') {
    end_line();
    return;
  }
  if (byte == '\r') {
    m_returned = true;
    return;
  }
  if (m_returned) {
    m_text.clear();
    m_returned = false;
  }
  if (byte == '\b') {
    m_text.resize(m_text.size() - std::min<std::size_t>(m_text.size(), 1));
    return;
  }
  if (m_text.size() == 2 * k_line) {
    m_text.erase(0, k_line);
  }
  m_text += byte;
}

void CursorLine::begin_line() {
  m_text.clear();
  m_returned = false;
  ++m_number;
}

// The line end of a kernel message is none of the line that it has torn.
void CursorLine::end_line() {
  const std::size_t message = message_in(m_text);
  if (message == 0 || message == m_text.size()) {
    begin_line();
  } else {
    m_text.resize(message);
    m_returned = false;
  }
}

} // namespace qt
