// The matcher (match.hh) for a stream whose texts may be torn apart by kernel messages (printk.hh).
// Told to ignore these, it looks at the stream twice, as it is and without them, and what is
// complete first counts: a torn "Linux testbox" is found and so is the text of a message itself.
// A match that may be the first part of a torn one (`C=(\d+)` of "C=1", a message, "0") waits for
// the rest of that, at most k_most_awaited bytes; a text that is complete meanwhile comes first.
// Offsets are those of the stream as it is; the text of a match that was torn is without what tore
// it.
#pragma once

#include "console/match.hh"
#include "console/printk.hh"

#include <deque>

namespace qt {

enum class Printk { keep, ignore };

class TornMatcher {
public:
  // As for Matcher.
  TornMatcher(const std::vector<Pattern>& patterns, std::uint64_t start, Printk printk);

  // As for Matcher.
  std::optional<Match> feed(std::string_view bytes);
  std::optional<Match> settle();
  bool undecided() const;
  std::uint64_t keep_from() const;

  static constexpr std::uint64_t k_most_awaited = 16 * 1024;

private:
  // The stream without the messages.
  struct Joined {
    Joined(const std::vector<Pattern>& patterns, std::uint64_t start);

    std::optional<Match> feed(std::string_view bytes);
    // A match that begins where `match` of the stream as it is does needs more bytes.
    bool may_complete(const Match& match) const;
    // … and has not had all bytes that `match` has.
    bool lacks_bytes_of(const Match& match) const;
    Match in_stream(Match match, std::uint64_t known) const;
    std::uint64_t offset_of(std::uint64_t joined) const;
    void remember(std::uint64_t offset);

    struct Gap {
      std::uint64_t joined; // offset without the messages, from which on …
      std::uint64_t offset; // … this is the offset in the stream
    };

    PrintkFilter filter;
    Matcher matcher;
    std::deque<Gap> gaps;
    std::uint64_t position; // of the next byte, without the messages
    std::size_t reach;      // no match begins longer ago
  };

  // A match of the stream as it is that may be the first part of a torn one.
  struct Part {
    Match match;
    Matcher others; // the other patterns, in the stream after it
    std::uint64_t until;
  };
  std::optional<Match> feed_after_part(std::string_view bytes);
  bool is_whole_of_part(const Match& joined) const;

  std::vector<Pattern> m_patterns; // empty where kernel messages are not ignored
  Matcher m_plain;
  std::optional<Part> m_part;
  std::optional<Joined> m_joined;
  std::uint64_t m_position;
};

} // namespace qt
