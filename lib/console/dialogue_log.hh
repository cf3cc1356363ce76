// dialogue.log: the console with times, what was typed and what matched. One line for each:
//
//        1.234 default < Hit any key to stop autoboot:  2     a line of the console
//        1.235 default > \r                                   what was typed
//        1.236 default = =>                                   what a wait found
//        1.236 # step 2: --line version                       a step begins, or another note
//        0.000 # stage verify                                 another program goes on, at 0 again
//
// The first field is the time in seconds since the program's start, of a line's first byte. Bytes
// that a terminal could act on are escaped; a console line over 4 KiB is cut into several. The file
// has a limit (bounded_log.hh).
#pragma once

#include "base/duration.hh"
#include "os/bounded_log.hh"
#include "os/fd.hh"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

class DialogueLog {
public:
  // Writes to `path`, from its start; no file at all if it is empty. With a `stage` it goes on
  // where the stage before has ended, and names it. Throws Error if the file cannot be created;
  // later failures end the log silently: a full disk does not end a test.
  explicit DialogueLog(const std::string& path, std::uint64_t limit = k_log_limit,
                       const std::string& stage = "");

  void console(const std::string& vm, std::string_view bytes);
  void typed(const std::string& vm, std::string_view bytes);
  void matched(const std::string& vm, std::string_view text);
  void note(std::string_view text);
  // Hands everything to the kernel. With `end_all` an unfinished console line, too: nothing is
  // logged after that.
  enum class Lines { keep_unfinished, end_all };
  void flush(Lines lines);

  double seconds() const;

private:
  struct Line {
    double seconds = 0;
    std::string text;
  };

  void write(double seconds, std::string_view vm, char mark, std::string_view text);
  void write_line(double seconds, std::string_view vm, std::string_view text);
  void end_line(std::string_view vm, Line& line);
  void end_line(const std::string& vm);

  std::optional<BoundedLog> m_file;
  Clock::time_point m_start = Clock::now();
  std::map<std::string, Line> m_unfinished; // by machine
  std::string m_buffer;
  double m_time = 0; // as m_time_text has it
  std::string m_time_text;
};

} // namespace qt
