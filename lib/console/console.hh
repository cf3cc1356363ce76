// The console of one machine as a dialogue sees it: every byte that comes is logged, loses its part
// in the echo of what was typed (echo.hh), is searched for the failure texts of the whole dialogue,
// and is kept until a wait consumes it. "The stream" is what is left after the echo and, if they
// are to be stripped, without terminal control sequences (ansi.hh).
//
// Reading never waits: it is for when something is there. The descriptor's flags are left alone, as
// other programs share it.
#pragma once

#include "console/ansi.hh"
#include "console/backlog.hh"
#include "console/dialogue_log.hh"
#include "console/echo.hh"
#include "console/echo_return.hh"
#include "console/torn_match.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// How a whole dialogue looks at its consoles.
struct Watch {
  enum class Escapes { keep, strip };

  std::vector<Pattern> failures; // armed from the first byte to the last
  Escapes escapes = Escapes::keep;
  Printk printk = Printk::keep; // for the failure texts; waits may have it otherwise
  // Bytes; 192 KiB if it is less. No more are read before a wait takes some.
  std::uint64_t most_unconsumed = k_log_limit;
};

class Console {
public:
  // Does not own `fd` and `log`.
  Console(std::string vm, int fd, const Watch& watch, DialogueLog& log);

  int fd() const noexcept { return m_fd; }
  // The other end is gone and everything has been read.
  bool ended() const noexcept { return m_ended; }

  // Takes what is there now, up to 64 KiB. Throws Error.
  void read();
  // Lets regular expressions among the failure texts accept a match at the end of what has come.
  void settle();
  // Everything that had come at `when` has been read.
  void looked(Clock::time_point when) { m_looked = when; }
  // Nobody was there to read for so long: it was not silent.
  void note_stop(Duration span) { m_last_byte += span; }
  // Nothing has come for so long when it was looked last. After k_quiet what looks complete is
  // taken as such.
  static constexpr Duration k_quiet{100};
  bool quiet(Duration span = k_quiet) const;
  // When it will be quiet if nothing comes.
  Deadline quiet_at(Duration span = k_quiet) const { return Deadline::at(m_last_byte + span); }
  // When the last byte came, of whatever kind; when this object was made if none has come.
  Clock::time_point heard_at() const noexcept { return m_last_byte; }
  // settle() might find something that it has not looked at yet.
  bool undecided() const { return !m_settled && !m_failure && m_failures.undecided(); }

  // The first failure text in the stream, once there is one.
  const std::optional<Match>& failure() const noexcept { return m_failure; }

  // So much is unconsumed that reading has to wait.
  bool is_full() const noexcept { return unconsumed() >= m_most; }
  std::uint64_t unconsumed() const noexcept { return m_backlog.end() - m_backlog.begin(); }
  // No wait will consume what comes from now on, nor what is there: it is searched for failure
  // texts and logged, but not kept, and reading never has to wait.
  void keep_no_more() {
    m_is_kept = false;
    m_backlog.discard_before(m_backlog.end());
  }
  // While the stream is blank no wait finds anything in what comes: NUL bytes stand there for it,
  // so that places in the stream stay what they are. Failure texts are found in it.
  void set_blank(bool is_blank) noexcept { m_is_blank = is_blank; }
  // The unconsumed part of the stream.
  Backlog& backlog() noexcept { return m_backlog; }

  // `line` will now be typed.
  void expect_echo(std::string_view line);
  // The same of keys without a line end.
  void expect_echo_of_keys(std::string_view keys);
  // What of the stream may be the echo of such lines and keys.
  EchoReturn& echo_return() noexcept { return m_echo_return; }
  // Writes what the other end takes now; says how many bytes. Nothing if the other end is gone or
  // the descriptor is for reading only.
  std::optional<std::size_t> type(std::string_view bytes);
  // `count` bytes more are to be typed.
  void begin_typing(std::size_t count) { m_to_type += count; }
  std::uint64_t to_type() const noexcept { return m_to_type; } // in all
  std::uint64_t typed() const noexcept { return m_typed; }     // of them, by type()

  // The last lines for people, echo included, at most `count`, from the last 16 KiB: as they came,
  // but without control sequences where these are stripped, and where a line is so long that only
  // its end is shown.
  std::vector<std::string> last_lines(std::size_t count) const;
  static constexpr std::size_t k_longest_last_line = 300;

private:
  void take(std::string_view bytes);
  void gather(std::string_view bytes);
  void pass_gathered();
  void pass(std::string_view bytes);
  void finish();

  std::string m_vm;
  int m_fd;
  bool m_ended = false;
  DialogueLog& m_log;
  std::optional<AnsiFilter> m_escapes;
  std::string m_visible; // of one read, without control sequences
  EchoFilter m_echo;
  EchoReturn m_echo_return;
  std::string m_gathered; // has passed m_echo, but is not searched yet
  TornMatcher m_failures;
  std::optional<Match> m_failure;
  bool m_settled = true; // m_failures.settle() has seen everything
  Backlog m_backlog;
  std::uint64_t m_most; // bytes of it
  bool m_is_kept = true;
  bool m_is_blank = false;
  std::string m_recent;             // raw bytes, for last_lines()
  std::unique_ptr<char[]> m_buffer; // what is not used is never touched
  std::uint64_t m_to_type = 0;
  std::uint64_t m_typed = 0;
  Clock::time_point m_last_byte = Clock::now();
  Clock::time_point m_looked;
};

} // namespace qt
