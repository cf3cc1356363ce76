// base.log of a run directory: what the framework did and when, one line each, times in seconds
// from the start of the program that writes. The programs of a chain share the file: a line is one
// appending write, so lines of several never mix.
#pragma once

#include "base/duration.hh"
#include "os/fd.hh"

#include <cstdint>
#include <string>
#include <string_view>

namespace qt {

// Begins what qt-tap writes last: the command line that runs the subtest again.
inline constexpr const char* k_again = "again: ";

class BaseLog {
public:
  // Opens or creates RUN_DIR/base.log. `who` stands in every line: "qt-boot default". Throws Error.
  BaseLog(const std::string& run_dir, std::string who);

  // `text` is escaped. A line that cannot be written is lost: the run goes on.
  void write(std::string_view text) noexcept;
  // How many bytes this object has put into the file.
  std::uint64_t written() const noexcept { return m_written; }
  // Since this object was made.
  double seconds() const noexcept;

private:
  std::string m_who;
  UniqueFd m_fd;
  std::uint64_t m_written = 0;
  Clock::time_point m_start = Clock::now();
};

} // namespace qt
