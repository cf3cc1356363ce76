#include "console/cursor_line.hh"

#include "console/printk.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::size_t k_unread = 4096; // no line that matters begins longer ago
constexpr std::size_t k_line = 256;

bool moves_cursor(char byte) { return byte == '\n' || byte == '\r' || byte == '\b'; }

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
    while (!visible.empty()) {
      const auto move = std::find_if(visible.begin(), visible.end(), moves_cursor);
      const auto count = static_cast<std::size_t>(move - visible.begin());
      write(visible.substr(0, count));
      visible.remove_prefix(count);
      if (!visible.empty()) {
        take_move(visible.front());
        visible.remove_prefix(1);
      }
    }
  });
  m_unread.clear();
}

void CursorLine::take_move(char byte) {
  if (byte == '\n') {
    end_line();
  } else if (byte == '\r') {
    m_returned = true;
  } else {
    overwrite();
    m_text.resize(m_text.size() - std::min<std::size_t>(m_text.size(), 1));
  }
}

// What comes after a CR begins to overwrite the line.
void CursorLine::overwrite() {
  if (m_returned) {
    m_text.clear();
    m_returned = false;
  }
}

void CursorLine::write(std::string_view bytes) {
  if (!bytes.empty()) {
    overwrite();
  }
  while (!bytes.empty()) {
    if (m_text.size() == 2 * k_line) {
      m_text.erase(0, k_line);
    }
    const std::size_t count = std::min(bytes.size(), 2 * k_line - m_text.size());
    m_text += bytes.substr(0, count);
    bytes.remove_prefix(count);
  }
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
