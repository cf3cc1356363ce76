// Patterns over a stream of bytes, and a fast search of a block for literal texts.
//
// A Matcher is fed the stream in pieces and says which of its patterns comes first. The answer
// depends on the stream alone, never on how it was cut into reads: it is what feeding byte by byte
// would give. A literal text is complete with its last byte. A regular expression (regex.hh) is
// complete with the byte that settles its match: `v=(\d+)` with the first byte that is no digit, so
// that a number cut by a read is never taken short. The pattern that is complete first wins; of
// several complete at the same byte the one whose match ends first, then the one that is first in
// the list.
//
// "^" matches also where the matcher was started. Of one expression the leftmost match counts, as
// in Perl; an empty match is none. A match may span 64 KiB. An attempt that would need more, such
// as `(?s)begin.*end` on a stream without "end", is decided then by what is there, and if that is
// no match, those that begin in the following 32 KiB and span more than 32 KiB may be missed with
// it; shorter ones are never missed. Memory is bounded by that window, for each expression, and by
// the longest literal; time is linear in the stream. An expression that backtracks without end is
// stopped by a limit and is an Error(ExitCode::usage) that names it.
#pragma once

#include "console/pattern.hh"
#include "data/regex.hh"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// Searches a block of bytes for several literal texts at once, at the speed of memory: on x86 with
// AVX2 all texts share one pass that compares the first bytes of 32 positions at a time; elsewhere
// each text is searched by memmem(3). It knows one block only: what lies across two reads is the
// matcher's business.
class LiteralScan {
public:
  struct Hit {
    std::size_t index; // of the literal
    std::size_t begin; // offsets in the block
    std::size_t end;
  };

  LiteralScan() = default;
  // None of the literals is empty.
  explicit LiteralScan(std::vector<std::string> literals);

  // Tells each occurrence, in any order, some twice. What `visit` returns bounds the rest: only
  // occurrences that end at that offset or before are still of interest.
  using Visit = std::function<std::size_t(const Hit& hit)>;
  void each(std::string_view block, const Visit& visit) const;

  // Length of the longest literal; 0 if there are none.
  std::size_t longest() const noexcept { return m_longest; }
  const std::string& literal(std::size_t index) const { return m_literals[index]; }

private:
  // For one byte of the fingerprint: which buckets have a literal whose byte there has this low or
  // high half.
  struct Halves {
    std::array<std::uint8_t, 16> low{};
    std::array<std::uint8_t, 16> high{};
  };

  // Literals that begin with the same bytes, and so have one fingerprint.
  struct Group {
    std::string shared; // what all of them begin with
    std::vector<std::size_t> literals;
  };

  void sort_into_buckets();
  void each_one_by_one(std::string_view block, const Visit& visit) const;
  void each_in_blocks(std::string_view block, const Visit& visit) const;
  void verify(std::string_view block, std::size_t begin, unsigned buckets, const Visit& visit,
              std::size_t& limit) const;

  std::vector<std::string> m_literals;
  std::size_t m_longest = 0;
  std::size_t m_shortest = 0;
  std::size_t m_fingerprint = 0; // bytes compared by each_in_blocks(): 1 to 3
  std::array<Halves, 3> m_halves{};
  std::array<std::vector<Group>, 8> m_buckets;
  bool m_in_blocks = false;
};

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
  // Where a match of this pattern begins that needs more bytes, if there is one.
  std::optional<std::uint64_t> open_since(std::size_t pattern) const;
  // No later match ends before this offset: what lies before it need not be kept.
  std::uint64_t keep_from() const;

private:
  std::optional<Match> scan(std::string_view bytes);
  void keep_tail(std::string_view bytes);

  std::vector<std::unique_ptr<RegexStream>> m_expressions;
  // Where each expression's prefix occurs first among what is being fed.
  std::vector<std::uint64_t> m_first;
  std::vector<std::size_t> m_literal_patterns; // index of each literal in the caller's list
  // The literals, then the useful prefixes of the expressions.
  LiteralScan m_literals;
  std::vector<std::size_t> m_prefixed; // the expression of each prefix
  std::string m_tail;       // the last bytes of the stream, fewer than the longest literal has
  std::uint64_t m_position; // offset of the next byte
};

} // namespace qt
