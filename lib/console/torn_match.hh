// The matcher (match.hh) for a stream whose texts may be torn apart by kernel messages (printk.hh).
// Told to ignore these, it looks at the stream twice, as it is and without them, and what is
// complete first counts: a torn "Linux testbox" is found and so is the text of a message itself.
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

private:
  // The stream without the messages.
  struct Joined {
    Joined(const std::vector<Pattern>& patterns, std::uint64_t start);

    std::optional<Match> feed(std::string_view bytes);
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

  Matcher m_plain;
  std::optional<Joined> m_joined;
  std::uint64_t m_position;
};

} // namespace qt
