// One regular expression over a stream of bytes: a part of the matcher (match.hh), which says what
// is found and when it is complete.
//
// The buffer holds the part of the stream that an attempt may still need, at most k_regex_window
// bytes and what the expression may look back at before them. An attempt that still needs more when
// the window is full is decided by what is there, as at the end of the stream: a match inside the
// window that begins in its first half counts. If there is none, what begins in that half is given
// up, and the second half is looked at again. So the work is linear in the stream.
#pragma once

#include "console/pattern.hh"
#include "data/regex.hh"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

constexpr std::size_t k_regex_window = 64 * 1024;
// An expression whose prefix is shorter is looked for in every byte.
constexpr std::size_t k_useful_prefix = 3;

class RegexStream {
public:
  // `pattern`: the index for its matches; `start`: the offset of the first byte to come.
  RegexStream(const std::string& expression, std::size_t pattern, std::uint64_t start);

  // The expression's prefix if it is of use, else empty.
  std::string_view prefix() const;

  // Takes the next bytes. `first`: the offset at which the prefix first occurs whose last byte is
  // among them, k_nowhere if it does not; 0 if unknown. Throws Error if the match limit is passed.
  static constexpr std::uint64_t k_nowhere = ~std::uint64_t{0};
  std::optional<Match> feed(std::string_view bytes, std::uint64_t first);
  // Accepts a match that further bytes might change.
  std::optional<Match> settle();

  // An attempt needs more bytes.
  bool undecided() const { return m_open; }
  // Where that attempt begins, if there is one.
  std::optional<std::uint64_t> open_since() const {
    return m_open ? std::optional(keep_from()) : std::nullopt;
  }
  std::size_t pattern() const { return m_pattern; }
  // No later match begins before this offset.
  std::uint64_t keep_from() const { return m_offset + m_start; }

private:
  enum class Search { goes_on, found, found_at_end };
  Search search();
  bool fits_in_window();
  void forget();
  void skip(std::string_view bytes);
  bool lacks_needed_byte(std::string_view fresh);
  std::size_t decided_at(std::size_t from);
  Match result(std::size_t decided) const;

  Regex m_regex;
  std::size_t m_pattern;
  std::string m_buffer;
  std::uint64_t m_offset;    // of the buffer's first byte in the stream
  std::size_t m_start = 0;   // where in the buffer the next attempt begins
  bool m_open = false;       // the last attempt, from m_start, needs more bytes
  bool m_has_needed = false; // … and has the byte without which there is no match
};

} // namespace qt
