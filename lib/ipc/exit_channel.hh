// qt-boot's end of the line on which a program is told how QEMU ended and may ask for something
// (run_dir.hh says what is spoken).
#pragma once

#include "os/fd.hh"

#include <string>
#include <string_view>
#include <vector>

namespace qt {

class ExitChannel {
public:
  ExitChannel() = default;
  // A non-blocking descriptor, or none.
  explicit ExitChannel(UniqueFd fd)
    : m_fd(std::move(fd)) {}

  int fd() const { return m_fd.get(); }
  // The requests that have come whole since the last call. Never blocks.
  std::vector<std::string> take_requests();
  // Writes `line` and a newline; does nothing if the program is gone.
  void tell(std::string_view line);
  void close() { m_fd.reset(); }

private:
  UniqueFd m_fd;
  std::string m_beginning; // of a request
};

} // namespace qt
