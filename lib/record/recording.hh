// What happened at a terminal on which somebody used a machine, and the same as a list of turns:
// what the machine said, and what the person did then.
//
// A person types key by key, and the guest sends each back, so only the order of the pieces tells
// what belongs together. Keys up to Enter are a line, unless the machine began a new line of its
// own in between: then the keys before that did something by themselves (they stopped a countdown,
// chose from a menu, completed a word). Messages of a kernel in between do not count. Of a line in
// which only backspaces were used as keys, what was left at its end is what was typed.
#pragma once

#include "data/json.hh"

#include <string>
#include <string_view>
#include <vector>

namespace qt {

struct TerminalEvent {
  enum class Kind {
    output,  // `text`: bytes of the console
    typed,   // `text`: keys that went to the guest
    monitor, // `text`: what the monitor was asked; `reply`: what it said, with "return" or "error"
    left,    // the person ended the machine
    ended,   // QEMU ended by itself with `status`
  };
  Kind kind = Kind::output;
  std::string text;
  double seconds = 0; // since the start
  Json reply = {};
  int status = 0;
};

struct Turn {
  enum class Input {
    line,    // `text` and Enter
    keys,    // just `text`
    monitor, // as for the event
    left,
    ended,
  };
  Input input = Input::left;
  std::string text;
  // What came before that, since the turn before; the echo of what was typed there is left out.
  std::string output;
  double seconds = 0; // until the last of it had come
  double silence = 0; // the longest time meanwhile in which nothing came
  bool echoed = true; // of a line: the guest sent it back
  Json reply = {};
  int status = 0;
};

// The last one is `left` or `ended`; where nothing says how it ended, it was left.
std::vector<Turn> turns_of(const std::vector<TerminalEvent>& events);

// The printable pieces of each line of a console: without control sequences, cut at every other
// control byte and at what is not UTF-8. What a text in a definition can wait for is part of one.
struct ConsoleLine {
  std::vector<std::string> pieces; // none is empty
  bool complete = true;            // a newline came after it
};
std::vector<ConsoleLine> console_lines(std::string_view output);

} // namespace qt
