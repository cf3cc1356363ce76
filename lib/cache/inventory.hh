// What is in the cache, and is it still right. Serves caches that QEMU's own framework filled just
// as well; knows only names that are a digest, with or without one of the suffixes in cache.hh.
#pragma once

#include "cache/cache.hh"

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace qt {

using WallTime = std::chrono::system_clock::time_point;

// A name in the folder, taken apart: a digest, and what follows it.
struct CacheName {
  std::string whole;
  std::string digest;
  std::string suffix; // empty, or with its dot
};
// In alphabetical order. Empty if there is no folder. Throws Error if it cannot be read.
std::vector<CacheName> cache_names(const Cache& cache);

WallTime wall_time(const timespec& time);

struct CacheEntry {
  std::string digest;
  std::string path;
  std::uint64_t size = 0; // bytes
  WallTime last_use;      // by the stamp, else when the file was written
  std::string url;        // where it came from, if the file system remembers
  Cache::State state = Cache::State::unverified;
};

// The files of the cache itself, not of those below it, least recently used first. Errors as
// cache_names().
std::vector<CacheEntry> list_cache(const Cache& cache);

// What came of hashing a file of the cache.
struct Checked {
  enum class Verdict {
    right,
    put_aside,  // wrong, and not under its digest any more (cache.hh, quarantine)
    left,       // wrong, and cannot be put aside
    unreadable, // nobody knows
  };
  CacheEntry entry;
  Verdict verdict = Verdict::right;
  std::string reason; // one line, where it is not right
};

// Hashes every file of the cache itself, in as many threads as there are processors; records those
// that are right, puts aside those that are not. `on_checked` is told each, by one thread at a
// time. A cache that cannot be written is hashed all the same. Waits for who works on an asset.
void verify_cache(const Cache& cache, const std::function<void(const Checked&)>& on_checked);

// Removing from the cache what is old or too much, and what lies about. Touches nothing whose name
// is not a digest, with or without one of the suffixes in cache.hh, and nothing in lower caches.

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
