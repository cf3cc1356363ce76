// Removing from the cache what is old or too much, and what lies about. Touches nothing whose name
// is not a digest, with or without one of the suffixes in cache.hh, and nothing in lower caches.
#pragma once

#include "cache/inventory.hh"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace qt {

struct PruneRules {
  std::optional<std::chrono::milliseconds> max_age; // since the last use
  std::optional<std::uint64_t> max_size;            // bytes of all files together
  std::set<std::string> keep; // digests that stay whatever the other rules say
  WallTime now = std::chrono::system_clock::now();
  enum class Mode { remove, only_tell } mode = Mode::remove;
};

struct Pruned {
  std::string name; // of the file, below Cache::folder()
  std::uint64_t size = 0;
  std::string reason; // "unused for 200 days"
};

// Removes what the rules say, least recently used first, and what is left over: stamps, records and
// locks without a file, partials, downloads of QEMU's and temporary files that nobody has written
// to for a day, files that were put aside a week ago. Leaves what a process works on, holds
// (Cache::hold) or has open, where the file system can tell, and what was used in the last ten
// minutes: a path that qt-fetch printed is about to be opened. A last use in the future, which only
// a clock that was set can bring about, counts as now and is noted as such.
//
// Gives what was removed, or would be. Throws Error if the folder cannot be read or a file not be
// removed.
std::vector<Pruned> prune_cache(const Cache& cache, const PruneRules& rules);

} // namespace qt
