// What is in the cache, and is it still right. Serves caches that QEMU's own framework filled just
// as well; knows only names that are a digest, with or without one of the suffixes in cache.hh.
#pragma once

#include "cache/cache.hh"

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
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

} // namespace qt
