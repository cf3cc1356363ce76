// Takes the guest's echo of typed lines out of the console's stream, so that what was typed never
// satisfies a wait. It stands between the raw bytes and everything that matches.
//
// The rule. After a line T has been typed, the first place in the stream that reads T followed by
// CR or LF is its echo: T is dropped, the CR or LF passes. Until it is known whether a place is the
// echo, its bytes are held back; they are released, in order, with the byte that shows that it is
// not. Time plays no part: held bytes are never released because the guest is silent, only a byte
// or the end of the console decides. Only bytes that may be the beginning of an echo are held, so
// an echo that never comes (a password) delays nothing else.
//
// Between two bytes of T, and before the CR or LF, may stand
// - what a terminal does at its right margin: CR, LF, BS, space + CR, "ESC [ … letter", each any
//   number of times; dropped with the echo;
// - kernel messages (printk.hh) up to LF. As soon as the prefix has come the message passes, byte
// by
//   byte, ahead of what is held: a panic in the middle of an echo is seen at once.
//
// Each typed line is dropped at most once. Several lines may be awaited (typed ahead): the first
// whose echo is complete ends the waiting for those typed before it. At most 8 are awaited; a ninth
// pushes out the oldest. "version" typed and "version 1.0\r\n" printed: the space shows that it is
// no echo. A line that only the guest prints, alone and without an echo before it, is taken for the
// echo if it reads exactly as what was typed.
#pragma once

#include "printk.hh"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class EchoFilter {
public:
  // Receives bytes that pass; the view is valid during the call only.
  using Sink = std::function<void(std::string_view bytes)>;

  // `line` is about to be typed, without the CR. Call it before the first byte is written. An empty
  // line has no echo that could matter and is ignored.
  void expect(std::string_view line);

  void feed(std::string_view bytes, const Sink& sink);
  // The console has ended: what is held is no echo.
  void finish(const Sink& sink);

  // How many lines are awaited.
  std::size_t pending() const noexcept { return m_pending.size(); }
  std::string_view held() const noexcept { return m_held; }

private:
  // What a byte is looked at as, inside a possible echo.
  enum class Part : std::uint8_t {
    text,     // the next byte of the line, or something that may stand between
    margin,   // after a space that may belong to the right margin: CR must follow
    escape,   // after ESC
    sequence, // after ESC [
    prefix,   // in what may be the prefix of a kernel message
  };
  // One reading of the held bytes. Readings differ where a byte may be text or something between.
  struct Reading {
    std::size_t line;    // index in m_pending
    std::size_t matched; // bytes of the line
    Part part = Part::text;
    std::size_t message = 0; // offset in m_held of the prefix
    PrintkPrefix printk = {};

    bool operator==(const Reading&) const = default;
  };
  enum class Step { alive, message, complete };

  std::size_t take_some(std::string_view bytes, const Sink& sink);
  void take(char byte, const Sink& sink);
  Step advance(char byte);
  void advance_text(Reading reading, char byte, std::vector<Reading>& next, bool& complete,
                    std::size_t& completed) const;
  void update_starts();

  std::deque<std::string> m_pending;
  std::array<bool, 256> m_starts{}; // bytes with which an awaited line begins
  std::string m_held;
  std::string m_again; // what was held in vain and is looked at again, from m_again_at
  std::size_t m_again_at = 0;
  std::vector<Reading> m_readings; // of m_held; empty if nothing is held
  std::size_t m_completed = 0;     // the line whose echo advance() found complete
  bool m_in_message = false;       // a kernel message inside an echo is passing
};

} // namespace qt
