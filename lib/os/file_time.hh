// Times as the kernel keeps them of files.
#pragma once

#include <cstdint>
#include <ctime>

namespace qt {

// Since 1970.
inline std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

} // namespace qt
