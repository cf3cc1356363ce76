// What is looked for in a stream of bytes, and what has been found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace qt {

struct Pattern {
  enum class Kind { text, regex };
  Kind kind = Kind::text;
  std::string text;
};

struct Match {
  std::size_t pattern = 0;                   // index in the matcher's list
  std::uint64_t begin = 0;                   // offsets in the stream
  std::uint64_t end = 0;                     //
  std::uint64_t decided = 0;                 // the end of the byte that made it complete, >= end
  std::string text;                          // the bytes that matched
  std::map<std::string, std::string> groups; // named groups that took part
};

// True if `a` comes before `b` in the stream: it is complete first or, at the same byte, ends
// first.
inline bool comes_before(const Match& a, const Match& b) {
  return a.decided < b.decided || (a.decided == b.decided && a.end < b.end);
}

} // namespace qt
