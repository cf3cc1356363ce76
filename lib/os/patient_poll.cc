#include "os/patient_poll.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr int k_longest_sleep = 500;      // ms
constexpr Duration k_longest_excess{500}; // of a sleep over what was asked for

} // namespace

Polled patient_poll(std::span<pollfd> entries, Deadline deadline) {
  const int left = deadline.poll_timeout();
  const int asked = left < 0 ? left : std::min(left, k_longest_sleep);
  const Clock::time_point latest = Clock::now() + Duration(std::max(asked, 0));
  Polled polled;
  polled.ready = ::poll(entries.data(), entries.size(), asked);
  const auto excess = std::chrono::duration_cast<Duration>(Clock::now() - latest);
  if (asked >= 0 && excess > k_longest_excess) {
    polled.stopped = excess;
  }
  return polled;
}

} // namespace qt
