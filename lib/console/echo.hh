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
// A control character of T may come as terminals echo it: ^C, ^?.
//
// Where an echo may begin: at the cursor as it stood when T was typed; on that line, or after a
// prompt, or after nothing or a line that ends in a sign. Not in the middle of a word, and not
// after a word: "System will reboot" is no echo of "reboot".
//
// Between two bytes of T, and before the CR or LF, may stand
// - what a terminal does at its right margin: CR, LF, BS, blanks + CR or BS, "ESC [ … letter", each
//   any number of times; dropped with the echo. After CR the last character may come again
//   (readline moves on to the next row with it), and "CR <" is readline's mark of a line that it
//   scrolls sideways (TERM=dumb): any part of T follows, also where no byte of T has come before
//   it;
// - kernel messages (printk.hh) up to LF. As soon as the prefix has come the message passes, byte
//   by byte, ahead of what is held: a panic in the middle of an echo is seen at once.
//
// The second echo. What is typed while a command runs is echoed by the terminal driver at once, and
// once more by a shell that edits lines itself (readline, busybox, mksh) when it prints its prompt.
// So an echo that stands after no prompt may be followed by one that does, and that is dropped
// too. A prompt is the text before an earlier echo, or what ends in one of #, $, %, > and a blank,
// the only one of these on its line: "# > > hello" is what a here-document prints under dash, which
// echoes once. An echo after a prompt ends the waiting for all lines typed before it.
//
// Each line is dropped at most once without and once with a prompt; at most 8 are awaited, a ninth
// pushes out the oldest. "version" typed and "version 1.0\r\n" printed: the space shows that it is
// no echo.
//
// The cost is linear in the stream, whatever the line: a reading is followed byte by byte and begun
// anew after a place that was none, and each byte that comes, as each line typed, pays for a
// number of such steps. When they are used up, or 64 KiB are held, what nearly repeats the line
// passes without a further look. The echoes of real terminals need a small part of that.
//
// What cannot be told apart. Output that reads exactly as an echo would, where one is due, is taken
// for it: a guest without echo that prints T alone on a line; under dash, the output "# hello" of
// "cat" and "hello" typed ahead. And an echo in parts passes: of a line that is being typed while a
// shell changes its terminal's mode, or that another program's output tears (echo_return.hh keeps
// the parts from satisfying a wait); its echo as a whole after the next prompt is dropped. "+ T"
// of "set -x" is output. Where T fills the last row to its end, readline (bash) goes back to the
// last character and prints it once more: this one passes.
#pragma once

#include "console/cursor_line.hh"
#include "console/printk.hh"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace qt {

// Whether bytes read as the echo of one line: as its text, with what a terminal and a kernel put
// between (echo.hh). A byte may be text or something between, so all readings of what has come are
// followed side by side.
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

class EchoFilter {
public:
  // Receives bytes that pass; the view is valid during the call only.
  using Sink = std::function<void(std::string_view bytes)>;
  // Told when an echo of a line has been taken out, and how many bytes have passed before.
  using Taken = std::function<void(std::uint64_t line, std::uint64_t passed)>;

  EchoFilter() = default;
  explicit EchoFilter(Taken taken)
    : m_taken(std::move(taken)) {}

  // `line` is about to be typed, without the CR. Call it before the first byte is written. An empty
  // line has no echo that could matter and is ignored. Gives the line a number.
  std::uint64_t expect(std::string_view line);

  void feed(std::string_view bytes, const Sink& sink);
  // The console has ended: what is held is no echo.
  void finish(const Sink& sink);

  // How many lines may still be dropped.
  std::size_t pending() const noexcept { return m_pending.size(); }
  std::string_view held() const noexcept { return m_held; }

private:
  struct Line {
    std::uint64_t number;
    std::string text;
    std::uint64_t typed_at; // how many bytes had passed
    std::uint64_t typed_on; // the cursor's line, if something stood on it; else none
    bool echoed = false;    // without a prompt: one after a prompt may follow
  };
  // The held bytes as the echo of a line.
  struct Reading {
    std::size_t line; // index in m_pending
    EchoReading reading;
  };

  std::size_t pass_some(std::string_view bytes, const Sink& sink);
  void take(char byte, const Sink& sink);
  void pay_for_step();
  void look_again(const Sink& sink);
  void pass(std::string_view bytes, const Sink& sink);
  bool begin_readings();
  bool may_begin(const Line& line, std::string_view before, std::uint64_t cursor_line) const;
  bool is_prompt(std::string_view text) const;
  void complete(std::size_t line);
  void update_starts();
  bool may_start(std::string_view bytes) const;

  Taken m_taken;
  std::uint64_t m_lines = 0; // that have been awaited
  std::deque<Line> m_pending;
  std::array<bool, 256> m_starts{};  // bytes with which an echo of an awaited line begins
  std::array<bool, 256> m_seconds{}; // those of words that may stand after such a byte
  CursorLine m_cursor;               // of what has passed
  std::uint64_t m_passed = 0;
  std::deque<std::string> m_prompts; // texts before earlier echoes
  std::int64_t m_steps = 0;          // of readings, that are paid for; less than 0: owed
  std::string m_held;
  std::string m_before; // what stands on the line before m_held
  std::string m_again;  // what was held in vain and is looked at again, from m_again_at
  std::size_t m_again_at = 0;
  std::vector<Reading> m_readings; // empty if nothing is held
  bool m_in_message = false;       // a kernel message inside an echo is passing
};

} // namespace qt
