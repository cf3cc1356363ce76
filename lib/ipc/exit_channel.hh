// qt-boot's end of the line on which a program is told how QEMU ended and may ask for something
// (run_dir.hh says what is spoken).
#pragma once

#include "os/fd.hh"

#include <poll.h>
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

  // For poll(2); whatever it finds is for take_requests().
  pollfd interest() const {
    return {m_fd.get(), static_cast<short>(POLLIN | (m_untold.empty() ? 0 : POLLOUT)), 0};
  }
  // The requests that have come whole since the last call; tells what is untold. Never blocks.
  std::vector<std::string> take_requests();
  // Writes `line` and a newline; does nothing if the program is gone. What a program that does not
  // read leaves untold is told when it does; of that, news that are `dispensable` only to 1 MiB.
  enum class Kind { needed, dispensable };
  void tell(std::string_view line, Kind kind = Kind::needed);
  void close() { m_fd.reset(); }

private:
  void send();

  UniqueFd m_fd;
  std::string m_beginning; // of a request
  std::string m_untold;
};

} // namespace qt
