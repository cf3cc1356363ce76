// Whether what was typed has come back, and what of the stream may be its echo until then.
// EchoFilter (echo.hh) takes out an echo that stands there whole; one that the output of another
// program has torn apart passes it, and its pieces must not satisfy a wait. So a match counts only
// if
// - none of its bytes may be a piece of an echo that is still to come back or came back torn; or
// - it begins after the place where the typed line has come back, up to its line end; or
// - it has been found out that the guest does not echo the line (give_up()).
//
// A line has come back where the filter has taken its echo out, where it stands in one piece (not
// every guest echoes the CR), or where its bytes have come one after the other in pieces, and then
// CR or LF. A piece begins at the start of a line, after a prompt or where the line was typed;
// elsewhere it has three bytes at least, the last one two, as single letters of a line stand in any
// text. Control characters of the line need not come back.
//
// Lines typed ahead, before those before them had come back: what the earlier ones print comes
// before their echo. Once such a line has come back in one piece, what has come since the line
// before it counts, unless it is part of the line itself.
//
// Keys without a line end come back, too, in one piece or in several. Menus and the like take them
// without an echo and may answer with the same letters, so they matter only to a match that is a
// part of what was typed since the last line end.
//
// At most 8 lines of up to 1 KiB are watched, each for 64 KiB; after these it is taken for one that
// does not come back. The cost is linear in the stream.
#pragma once

#include "console/pattern.hh"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class EchoReturn {
public:
  // `line` is typed now; `at`: the offset of the next byte of the stream. Of a guest that has
  // echoed nothing so far and was given up twice, lines are no longer watched.
  void expect(std::uint64_t id, std::string_view line, std::uint64_t at);
  // The same for keys without a line end; what is typed next continues them.
  void expect_keys(std::string_view keys, std::uint64_t at);
  // The keys since the last line end, as far as they are watched.
  std::string_view open_keys() const {
    const bool are_open = !m_lines.empty() && m_lines.back().kind == Line::Kind::open_keys;
    return are_open ? std::string_view(m_lines.back().text) : std::string_view();
  }
  // The next bytes of the stream.
  void feed(std::string_view bytes, std::uint64_t at);
  // The filter has taken an echo of the line out at this place.
  void taken_out(std::uint64_t id, std::uint64_t at);
  // Nothing before `offset` will be asked for any more.
  void forget_before(std::uint64_t offset);

  // unknown: it has not come back what was typed.
  enum class Answer { counts, is_echo, unknown };
  struct Judgement {
    Answer answer = Answer::counts;
    std::uint64_t search_from = 0; // of is_echo: nothing before this counts
    std::string line;              // the one that it is about
  };
  // All that was typed has been read and run: no echo of it is still to come.
  void all_have_come() { m_lines.clear(); }
  // Of a match in the stream.
  Judgement judge(const Match& match) const;
  // The text is part of a line that has not come back.
  bool is_part_of_line(std::string_view text) const;
  // There are lines that judge() looks at.
  bool watches() const { return !m_lines.empty(); }

  // What has come up to `at` holds no echo of the lines that have not come back. A line typed ahead
  // on a guest that echoes may still come. Gives the lines.
  std::vector<std::string> give_up(std::uint64_t at);

private:
  // A set of places in a line: bit i is "its first i bytes have come".
  using Places = std::vector<std::uint64_t>;

  struct Line {
    std::uint64_t id;
    std::string text;                 // without control characters
    std::uint64_t begin;              // what comes from here on may be its echo …
    std::optional<std::uint64_t> end; // … up to here
    bool in_pieces = false;
    enum class Kind { line, open_keys, keys } kind = Kind::line; // open: more may be typed
    bool ahead = false;            // typed before the one before it had come back
    std::uint64_t ahead_from;      // where that one has
    std::vector<bool> may_be_echo; // of each byte from `begin`
    std::array<Places, 256> bytes; // where in the line a byte stands
    Places whole;                  // in one piece from the line's begin on
    Places come;                   // after whole pieces
    Places at_line_start;          // in a piece that began at the start of a line
    // In one that began elsewhere: after its first byte, its second, a further one.
    Places first, second, further;
  };

  bool add_line(std::uint64_t id, std::string_view text, std::uint64_t at, bool ahead);
  static void extend(Line& line, std::string_view text, std::uint64_t at);
  void watch(Line& line, char byte, std::uint64_t at);
  void come_back(std::size_t index, std::uint64_t at);
  void note(char byte);
  bool is_in_sequence(char byte);
  bool any_awaited() const;
  static bool is_clean(const Line& line, std::uint64_t begin, std::uint64_t end);

  std::deque<Line> m_lines;
  bool m_at_line_start = true;
  char m_last_byte = '\n';
  enum class Sequence { none, escape, parameters } m_sequence = Sequence::none;
  bool m_has_echoed = false;
  unsigned m_given_up = 0;
};

} // namespace qt
