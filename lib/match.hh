// Patterns over a stream of bytes. The only includer of PCRE2.
//
// A Matcher is fed the stream in pieces and says which of its patterns comes first. The answer
// depends on the stream alone, never on how it was cut into reads: it is what feeding byte by byte
// would give. A literal text is complete with its last byte. A regular expression is complete with
// the byte that settles its match: `v=(\d+)` with the first byte that is no digit, so that a number
// cut by a read is never taken short. The pattern that is complete first wins; of several complete
// at the same byte the one whose match ends first, then the one that is first in the list.
//
// Regular expressions: PCRE2 on bytes (not UTF), "^" and "$" at every line, where CR, LF and CR LF
// all end a line and "." matches neither; "^" matches also where the matcher was started. Of one
// expression the leftmost match counts, as in Perl; an empty match is none. An attempt that needs
// more than 64 KiB of the stream is given up, and so memory is bounded by that and by the longest
// literal, whatever the stream. An expression that backtracks without end is stopped by a limit and
// is an Error that names it.
#pragma once

#include "literal_scan.hh"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

struct Pattern {
  enum class Kind { text, regex };
  Kind kind = Kind::text;
  std::string text;
};

// A regular expression by itself, for texts that are there as a whole.
class Regex {
public:
  struct Found {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::vector<std::string> groups;          // of group 1, 2, …; empty if it took no part
    std::map<std::string, std::string> named; // those that took part
  };

  // Throws Error(ExitCode::usage) that shows the expression and where it is wrong.
  explicit Regex(const std::string& expression);
  ~Regex();
  Regex(Regex&& other) noexcept;
  Regex& operator=(Regex&& other) noexcept;

  // The leftmost match, which may be empty here. Throws Error if the match limit is passed.
  std::optional<Found> search(std::string_view subject) const;
  const std::string& expression() const noexcept;

  struct Code; // PCRE2's part

private:
  friend class RegexStream;
  std::unique_ptr<Code> m_code;
};

struct Match {
  std::size_t pattern = 0;                   // index in the matcher's list
  std::uint64_t begin = 0;                   // offsets in the stream
  std::uint64_t end = 0;                     //
  std::uint64_t decided = 0;                 // the end of the byte that made it complete, >= end
  std::string text;                          // the bytes that matched
  std::map<std::string, std::string> groups; // named groups that took part
};

// True if `a` comes before `b` in the order described above, the index aside.
bool comes_before(const Match& a, const Match& b);

class RegexStream;

class Matcher {
public:
  // `start`: the offset in the stream of the first byte that will be fed. Throws
  // Error(ExitCode::usage) for an empty text or a wrong expression.
  explicit Matcher(const std::vector<Pattern>& patterns, std::uint64_t start = 0);
  ~Matcher();
  Matcher(Matcher&& other) noexcept;
  Matcher& operator=(Matcher&& other) noexcept;

  // Takes the next bytes. After a match the matcher is spent and must not be fed again. Throws
  // Error if a match limit is passed.
  std::optional<Match> feed(std::string_view bytes);
  // Nothing more seems to come (a quiet console) or nothing can come (its end): accepts a match of
  // an expression that is complete but might have grown. If there is none, feeding may go on.
  std::optional<Match> settle();

  // True if settle() could find something.
  bool undecided() const;
  // No later match ends before this offset: what lies before it need not be kept.
  std::uint64_t keep_from() const;

private:
  std::optional<Match> feed_literals(std::string_view bytes);

  LiteralScan m_literals;
  std::vector<std::size_t> m_literal_patterns; // index of each literal in the caller's list
  std::string m_tail; // the last bytes of the stream, fewer than the longest literal has
  std::vector<std::unique_ptr<RegexStream>> m_expressions;
  std::uint64_t m_position; // offset of the next byte
};

} // namespace qt
