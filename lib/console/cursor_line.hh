// The line on which a console's cursor stands, as far as the guest has written it: without control
// sequences (ansi.hh), without what a CR has begun to overwrite, without a kernel message
// (printk.hh) that has torn it. It tells what stands before an echo. Bytes are kept as they come
// and looked at when somebody asks; of a line over 256 bytes only the end is known.
#pragma once

#include "console/ansi.hh"

#include <cstdint>
#include <string>
#include <string_view>

namespace qt {

class CursorLine {
public:
  // Takes what is written next.
  void feed(std::string_view bytes);

  // What the line holds now. The view is valid until the next call of anything.
  std::string_view text();
  // Grows with each new line.
  std::uint64_t number();

private:
  void read();
  void take_move(char byte);
  void write(std::string_view bytes);
  void overwrite();
  void begin_line();
  void end_line();

  std::string m_unread;
  AnsiFilter m_escapes;
  std::string m_text;
  std::uint64_t m_number = 0;
  bool m_returned = false; // the last byte was CR
};

} // namespace qt
