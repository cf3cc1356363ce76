// Spans of time and deadlines. All waiting in the project is against a Deadline on the monotonic
// clock; nothing else knows about time-outs.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

using Clock = std::chrono::steady_clock;
using Duration = std::chrono::milliseconds;

// Parses "500ms", "30s", "2m", "1h", "183d"; decimals are allowed ("0.5s"). Nothing if the whole
// text is not such a span: a bare number has no unit and is refused.
std::optional<Duration> parse_duration(std::string_view text);

// The shortest text that parse_duration() reads back: 1500 ms → "1500ms", 2000 ms → "2s".
std::string format_duration(Duration span);

class Deadline {
public:
  static Deadline never() { return Deadline(Clock::time_point::max()); }
  static Deadline after(Duration span) { return Deadline(Clock::now() + span); }
  static Deadline at(Clock::time_point when) { return Deadline(when); }

  bool is_never() const { return m_at == Clock::time_point::max(); }
  bool expired() const { return !is_never() && Clock::now() >= m_at; }
  // The same as it was at `when`.
  bool expired(Clock::time_point when) const { return !is_never() && when >= m_at; }
  // What is left, never negative; Duration::max() for never().
  Duration remaining() const;
  // For poll(2): milliseconds, rounded up so that a wake-up is never early; -1 for never().
  int poll_timeout() const;

  friend Deadline earlier(Deadline a, Deadline b) { return a.m_at < b.m_at ? a : b; }

private:
  explicit Deadline(Clock::time_point at)
    : m_at(at) {}

  Clock::time_point m_at;
};

} // namespace qt
