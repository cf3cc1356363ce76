// The same work on each of many things, by several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace qt {

// Calls work(0) to work(count - 1), each once, up to `jobs` at a time, in about that order. Blocks
// until all have ended. If one throws, nobody starts another, and the first exception is thrown on.
void for_each_parallel(std::size_t count, unsigned jobs,
                       const std::function<void(std::size_t)>& work);

} // namespace qt
