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
#include <unistd.h>

namespace qt {

namespace {

using namespace std::chrono_literals;
using Days = std::chrono::duration<std::int64_t, std::ratio<86400>>;

constexpr auto k_grace = 10min;
constexpr auto k_litter_age = 24h;
constexpr auto k_corrupt_age = 7 * 24h;

class Pruner {
public:
  Pruner(const Cache& cache, const PruneRules& rules)
    : m_cache(cache)
    , m_rules(rules) {}

  void remove_assets();
  void remove_litter();

  std::vector<Pruned> pruned;

private:
  // Why it should go; empty if it stays.
  std::string reason_for(const CacheEntry& entry, std::uint64_t total) const;
  bool remove_asset(const CacheEntry& entry, const std::string& reason);
  bool take_away(const CacheEntry& entry) const;
  bool is_litter(const CacheName& name, const struct stat& status) const;
  void remove(const CacheName& name, std::uint64_t size);
  bool only_tells() const { return m_rules.mode == PruneRules::Mode::only_tell; }

  const Cache& m_cache;
  const PruneRules& m_rules;
  std::set<std::string> m_gone; // digests
};

std::string Pruner::reason_for(const CacheEntry& entry, std::uint64_t total) const {
  const auto unused = m_rules.now - entry.last_use;
  if (m_rules.keep.contains(entry.digest) || unused < k_grace) {
    return "";
  }
  if (m_rules.max_age && unused > *m_rules.max_age) {
    return format("unused for {} days", std::chrono::duration_cast<Days>(unused).count());
  }
  return m_rules.max_size && total > *m_rules.max_size ? "over the size" : "";
}

void Pruner::remove_assets() {
  const std::vector<CacheEntry> entries = list_cache(m_cache);
  std::uint64_t total = 0;
  for (const CacheEntry& entry : entries) {
    total += entry.size;
  }
  for (const CacheEntry& entry : entries) {
    const std::string reason = reason_for(entry, total);
    if (!reason.empty() && remove_asset(entry, reason)) {
      total -= entry.size;
      m_gone.insert(entry.digest);
      continue;
    }
    if (entry.last_use > m_rules.now && !only_tells()) {
      m_cache.touch(entry.digest);
    }
  }
}

bool Pruner::remove_asset(const CacheEntry& entry, const std::string& reason) {
  // Against one who is just now verifying or replacing it. Telling leaves no trace, not even a
  // lock.
  const std::string lock_path = m_cache.lock_path(entry.digest);
  std::optional<FileLock> lock;
  if (!only_tells() || exists(lock_path)) {
    lock = FileLock::acquire(lock_path);
    if (!lock) {
      return false;
    }
  }
  if (in_use_elsewhere(entry.path) == InUse::yes || (!only_tells() && !take_away(entry))) {
    return false;
  }
  pruned.push_back({entry.digest, entry.size, reason});
  return true;
}

// False if somebody began to use it at the last moment: whoever holds a file looks again whether it
// has its name, and so either we see the hold or they see that it is gone.
bool Pruner::take_away(const CacheEntry& entry) const {
  const std::string aside = entry.path + ".removed";
  if (::rename(entry.path.c_str(), aside.c_str()) < 0) {
    throw errno_error(errno, format("removing {}", entry.path));
  }
  if (in_use_elsewhere(aside) == InUse::yes) {
    if (::rename(aside.c_str(), entry.path.c_str()) < 0) {
      throw errno_error(errno, format("putting back {}", entry.path));
    }
    const std::optional<std::string> marks = Cache::marks(entry.path);
    if (entry.state == Cache::State::verified && marks) {
      m_cache.record(entry.digest, *marks);
    }
    return false;
  }
  if (::unlink(aside.c_str()) < 0) {
    throw errno_error(errno, format("removing {}", aside));
  }
  return true;
}

void Pruner::remove_litter() {
  for (const CacheName& name : cache_names(m_cache)) {
    struct stat status;
    const std::string path = m_cache.folder() + "/" + name.whole;
    if (name.suffix.empty() || ::lstat(path.c_str(), &status) < 0 || !S_ISREG(status.st_mode) ||
        !is_litter(name, status)) {
      continue;
    }
    // Whoever downloads holds the lock, and the lock goes as the last of its family.
    const std::string lock_path = m_cache.lock_path(name.digest);
    if ((name.suffix != ".lock" && !exists(lock_path)) || FileLock::acquire(lock_path)) {
      remove(name, static_cast<std::uint64_t>(status.st_size));
    }
  }
}

bool Pruner::is_litter(const CacheName& name, const struct stat& status) const {
  // One that came since, or one in a lower cache, has its record here too.
  const bool told_of = only_tells() && m_gone.contains(name.digest);
  const bool asset_there = !told_of && exists(m_cache.path_of(name.digest));
  // A time to come is as old as one long past.
  const auto age = std::chrono::abs(m_rules.now - wall_time(status.st_mtim));
  if (name.suffix == ".stamp" || name.suffix.starts_with(".verified")) {
    return !asset_there;
  }
  if (name.suffix == ".lock") {
    return !asset_there && !exists(m_cache.partial_path(name.digest));
  }
  if (name.suffix == ".corrupt") { // its own times are those of the file that it was
    return std::chrono::abs(m_rules.now - wall_time(status.st_ctim)) > k_corrupt_age;
  }
  // ".partial", ".resume", QEMU's ".download", and temporary names of all of them
  return age > k_litter_age || (asset_there && name.suffix == ".partial");
}

void Pruner::remove(const CacheName& name, std::uint64_t size) {
  const std::string path = m_cache.folder() + "/" + name.whole;
  if (!only_tells() && ::unlink(path.c_str()) < 0 && errno != ENOENT) {
    throw errno_error(errno, format("removing {}", path));
  }
  pruned.push_back({name.whole, size, "left over"});
}

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

std::vector<Pruned> prune_cache(const Cache& cache, const PruneRules& rules) {
  Pruner pruner(cache, rules);
  pruner.remove_assets();
  pruner.remove_litter();
  return pruner.pruned;
}

} // namespace qt
