// Care of the cache: what is in it, is it still right, what can go. Serves caches that QEMU's own
// framework filled just as well; touches nothing whose name is not a digest, with or without one of
// the suffixes in cache.hh.
#pragma once

#include "cache.hh"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace qt {

using WallTime = std::chrono::system_clock::time_point;

struct CacheEntry {
  std::string digest;
  std::uint64_t size = 0; // bytes
  WallTime last_use;      // by the stamp, else when the file was written
  std::string url;        // where it came from, if the file system remembers
  Cache::State state = Cache::State::unverified;
};

// The files of the cache, least recently used first. Empty if there is no cache.
std::vector<CacheEntry> list_cache(const Cache& cache);

// Hashes every file; records those that are right, puts aside those that are not (cache.hh,
// quarantine). `on_checked` is told each digest and whether it was right. Returns the number of
// wrong ones. Throws Error if a file cannot be read.
std::size_t verify_cache(const Cache& cache,
                         const std::function<void(const CacheEntry&, bool right)>& on_checked);

struct PruneRules {
  std::optional<std::chrono::seconds> max_age; // since the last use
  std::optional<std::uint64_t> max_size;       // bytes of all files together
  std::set<std::string> keep;                  // digests that stay whatever the other rules say
  WallTime now = std::chrono::system_clock::now();
  enum class Mode { remove, only_tell } mode = Mode::remove;
};

struct Pruned {
  std::string name; // of the file, below Cache::folder()
  std::uint64_t size = 0;
};

// Removes what the rules say, least recently used first, and what lies about without its file:
// stamps, records, locks, partials and temporary files that nobody has written to for a day. Leaves
// what a process holds (Cache::hold) or has open, where the file system can tell. Gives what was
// removed, or would be. Throws Error if the folder cannot be read or a file not be removed.
std::vector<Pruned> prune_cache(const Cache& cache, const PruneRules& rules);

} // namespace qt
