#include "console/ansi.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr char k_escape = '\x1b';
constexpr std::size_t k_longest_string = 4096;

bool is_control(char byte) { return static_cast<unsigned char>(byte) < 0x20; }
bool is_cancel(char byte) { return byte == '\x18' || byte == '\x1a'; }
bool is_in(char byte, char first, char last) { return byte >= first && byte <= last; }

} // namespace

void AnsiFilter::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (m_part == Part::text) {
      const std::size_t passing = std::min(bytes.find(k_escape), bytes.size());
      if (passing > 0) {
        sink(bytes.substr(0, passing));
      }
      bytes.remove_prefix(passing);
      if (!bytes.empty()) {
        bytes.remove_prefix(1);
        m_part = Part::escape;
      }
    } else {
      if (take(bytes.front())) {
        sink(bytes.substr(0, 1));
      }
      bytes.remove_prefix(1);
    }
  }
}

bool AnsiFilter::take(char byte) {
  if (byte == k_escape) { // the end of a string, or a sequence that cuts this one short
    m_part = m_part == Part::string ? Part::string_escape : Part::escape;
    return false;
  }
  if (is_cancel(byte)) {
    m_part = Part::text;
    return false;
  }
  switch (m_part) {
  case Part::text:
    break;
  case Part::escape:
    return take_after_escape(byte);
  case Part::string_escape:
    if (byte == '\\') {
      m_part = Part::text;
      return false;
    }
    return take_after_escape(byte);
  case Part::between: // "ESC (", "ESC #" …: further such bytes, then one that ends it
    if (is_control(byte)) {
      return true;
    }
    m_part = is_in(byte, ' ', '/') ? Part::between : Part::text;
    return false;
  case Part::csi:
    if (is_control(byte)) {
      return true;
    }
    m_part = is_in(byte, ' ', '?') ? Part::csi : Part::text;
    // What cannot stand in a sequence ends it and is text.
    return static_cast<unsigned char>(byte) >= 0x7f;
  case Part::shift:
    if (!is_control(byte)) {
      m_part = Part::text;
    }
    return is_control(byte);
  case Part::string:
    if (byte == '\r' || byte == '\n') {
      m_part = Part::text;
      return true;
    }
    if (byte == '\a' || ++m_length == k_longest_string) {
      m_part = Part::text;
    }
    return false;
  }
  return true;
}

bool AnsiFilter::take_after_escape(char byte) {
  m_part = Part::text;
  if (byte == '[') {
    m_part = Part::csi;
  } else if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_') {
    m_part = Part::string;
    m_length = 0;
  } else if (byte == 'N' || byte == 'O') {
    m_part = Part::shift;
  } else if (is_in(byte, ' ', '/')) {
    m_part = Part::between;
  } else {
    return !is_in(byte, '0', '~'); // a control byte after a lone ESC, or what is no sequence
  }
  return false;
}

} // namespace qt
