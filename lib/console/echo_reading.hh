// Whether bytes read as the echo of one line: as its text, with what a terminal and a kernel put
// between (echo.hh). A byte may be text or something between, so all readings of what has come are
// followed side by side.
#pragma once

#include "console/printk.hh"

#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

namespace qt {

class EchoReading {
public:
  // more: it may become the echo. message: the bytes from message_begin() on are the prefix of a
  // kernel message, which is to be taken out up to its LF. echo: with the byte before this one;
  // this is the line end.
  enum class Answer { no, more, message, echo };

  // Takes the next byte; `place`: how many come before it. `text` is the line, not empty, the same
  // each time. After no or echo it must not be called again.
  Answer feed(std::string_view text, char byte, std::size_t place);

  std::size_t message_begin() const { return m_message; }

  // What the next feed() costs: so many ways to read what has come are followed.
  std::size_t width() const noexcept { return m_states.size(); }

  // A terminal echoes it as ^ and a letter or sign.
  static bool is_caret_notated(char byte);

private:
  // What a byte is looked at as.
  enum class Part : std::uint8_t {
    text,     // the next byte of the line, or something that may stand between
    returned, // the same, after CR
    repeated, // the next byte of the line, which has come before
    margin,   // after blanks that may belong to the right margin: CR or BS must follow
    caret,    // after ^: a control character of the line
    escape,   // after ESC
    sequence, // after ESC [
    prefix,   // in what may be the prefix of a kernel message
  };
  struct State {
    std::size_t matched = 0; // bytes of the line
    Part part = Part::text;
    std::size_t message = 0; // place of the prefix
    PrintkPrefix printk = {};

    // The place says what `printk` has read.
    auto key() const { return std::tuple(matched, part, message); }
  };

  // What follows from one state goes to m_next.
  void advance(const State& state, std::string_view text, char byte, std::size_t place);
  void advance_text(const State& state, std::string_view text, char byte, std::size_t place);
  void advance_margin(const State& state, std::string_view text, char byte);
  void advance_prefix(State state, char byte);
  void go_on(std::size_t matched, Part part) { m_next.push_back({matched, part}); }

  std::vector<State> m_states{State{}};
  std::vector<State> m_next;
  std::vector<State> m_in_message;
  std::size_t m_message = 0;
  bool m_is_echo = false;
  bool m_is_scrolled = false; // the mark of a scrolled line has come: any part of it may follow
};

} // namespace qt
