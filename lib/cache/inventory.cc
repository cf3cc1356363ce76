#include "cache/inventory.hh"

#include "base/error.hh"
#include "base/parallel.hh"
#include "base/text.hh"
#include "data/digest.hh"
#include "os/file.hh"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <mutex>
#include <sys/stat.h>
#include <thread>

namespace qt {

namespace {

WallTime last_use_of(const std::string& path, const struct stat& status) {
  const std::string stamp = read_small_file(path + ".stamp", Writer::anyone).value_or("");
  if (const std::optional<std::int64_t> seconds = parse_integer(trim(stamp))) {
    // Anything may stand there; the clock knows the years 1678 to 2262.
    constexpr auto k_last =
        std::chrono::duration_cast<std::chrono::seconds>(WallTime::max().time_since_epoch());
    return WallTime(std::clamp(std::chrono::seconds(*seconds), std::chrono::seconds(0), k_last));
  }
  return wall_time(status.st_mtim);
}

// Nothing if the file has gone, or was replaced meanwhile by one who did not need the lock.
std::optional<Checked> check(const Cache& cache, const CacheEntry& entry) {
  std::optional<FileLock> lock;
  Checked checked{entry, Checked::Verdict::right, ""};
  std::string no_lock;
  try {
    lock = cache.lock(entry.digest);
  } catch (const Error& error) {
    no_lock = error.what();
  }
  try {
    const std::optional<std::string> marks = Cache::marks(entry.path);
    if (!marks) {
      return std::nullopt;
    }
    const std::string found = digest_of_file(entry.path, digest_kind(entry.digest));
    if (found == entry.digest) {
      cache.record(entry.digest, *marks);
      return checked;
    }
    if (Cache::marks(entry.path) != marks) {
      return std::nullopt;
    }
    checked.verdict = Checked::Verdict::left;
    checked.reason = format("{} has the digest {}", entry.path, found);
  } catch (const Error& error) {
    checked.verdict = Checked::Verdict::unreadable;
    checked.reason = error.what();
    return checked;
  }
  try {
    if (!lock) {
      throw Error(no_lock);
    }
    cache.quarantine(entry.digest);
    checked.verdict = Checked::Verdict::put_aside;
    checked.reason += format("; it is now {}.corrupt", entry.path);
  } catch (const Error& error) {
    checked.reason += format(" and stays there: {}", error.what());
  }
  return checked;
}

} // namespace

std::vector<CacheName> cache_names(const Cache& cache) {
  const std::string& folder = cache.folder();
  DIR* const stream = ::opendir(folder.c_str());
  if (stream == nullptr) {
    if (errno == ENOENT) {
      return {};
    }
    throw errno_error(errno, format("reading the cache {}", folder));
  }
  std::vector<CacheName> names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string whole = entry->d_name;
    const std::size_t dot = whole.find('.');
    const std::string digest = whole.substr(0, dot);
    if (parse_digest(digest) == digest) {
      names.push_back({whole, digest, dot == std::string::npos ? "" : whole.substr(dot)});
    }
  }
  ::closedir(stream);
  std::sort(names.begin(), names.end(),
            [](const CacheName& a, const CacheName& b) { return a.whole < b.whole; });
  return names;
}

WallTime wall_time(const timespec& time) {
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanoseconds(time))));
}

std::vector<CacheEntry> list_cache(const Cache& cache) {
  std::vector<CacheEntry> entries;
  for (const CacheName& name : cache_names(cache)) {
    const std::string path = cache.own_path(name.digest);
    struct stat status;
    if (name.suffix.empty() && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      entries.push_back({name.digest, path, static_cast<std::uint64_t>(status.st_size),
                         last_use_of(path, status), Cache::url_of(path), cache.state(name.digest)});
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
    return a.last_use < b.last_use;
  });
  return entries;
}

void verify_cache(const Cache& cache, const std::function<void(const Checked&)>& on_checked) {
  const std::vector<CacheEntry> entries = list_cache(cache);
  std::mutex mutex;
  for_each_parallel(entries.size(), std::thread::hardware_concurrency(), [&](std::size_t i) {
    if (const std::optional<Checked> checked = check(cache, entries[i])) {
      const std::lock_guard guard(mutex);
      on_checked(*checked);
    }
  });
}

} // namespace qt
