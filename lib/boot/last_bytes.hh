// After QEMU's end: until its reader has had all of the console, or plainly does not want it. A
// program that takes nothing may be waiting for just the news of QEMU's end, so it is told after a
// while all the same and keeps its console.
#pragma once

#include "base/duration.hh"
#include "boot/relay.hh"

#include <cstdint>

namespace qt {

class LastBytes {
public:
  // QEMU has ended; the reader has a second from now on, and again for each byte that it takes.
  void begin(const ConsoleRelay& console);

  enum class Reader { satisfied, still_reading, stuck };
  Reader look(const ConsoleRelay& console);
  Deadline deadline() const { return m_deadline; }
  void end() { m_deadline = Deadline::never(); }

private:
  std::uint64_t m_forwarded = 0;
  Deadline m_deadline = Deadline::never();
};

} // namespace qt
