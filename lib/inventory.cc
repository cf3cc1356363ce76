#include "inventory.hh"

#include "digest.hh"
#include "error.hh"
#include "text.hh"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::chrono::hours k_litter_age(24);

// A name in the folder, taken apart: a digest, and what follows it.
struct Name {
  std::string whole;
  std::string digest;
  std::string suffix; // empty, or with its dot
};

std::vector<Name> names_in(const std::string& folder) {
  DIR* const stream = ::opendir(folder.c_str());
  if (stream == nullptr) {
    if (errno == ENOENT) {
      return {};
    }
    throw errno_error(errno, format("reading the cache {}", folder));
  }
  std::vector<Name> names;
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
            [](const Name& a, const Name& b) { return a.whole < b.whole; });
  return names;
}

WallTime time_of(const timespec& time) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
}

WallTime last_use_of(const std::string& path, const struct stat& status) {
  try {
    if (const std::optional<std::string> text = read_file_if_exists(path + ".stamp")) {
      if (const std::optional<std::int64_t> seconds = parse_integer(trim(*text))) {
        return WallTime(std::chrono::seconds(*seconds));
      }
    }
  } catch (const Error&) { // a stamp that cannot be read is as good as none
  }
  return time_of(status.st_mtim);
}

std::string url_of(const std::string& path) {
  std::string url(4096, '\0');
  const ssize_t length = ::getxattr(path.c_str(), "user.qemu-asset-url", url.data(), url.size());
  url.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return url;
}

class Pruner {
public:
  Pruner(const Cache& cache, const PruneRules& rules)
    : m_cache(cache)
    , m_rules(rules) {}

  void remove_assets();
  void remove_litter();

  std::vector<Pruned> pruned;

private:
  bool remove_asset(const CacheEntry& entry);
  bool is_litter(const Name& name, const struct stat& status) const;
  void remove(const std::string& name, std::uint64_t size);

  const Cache& m_cache;
  const PruneRules& m_rules;
  std::set<std::string> m_there; // digests whose files stay
};

void Pruner::remove_assets() {
  const std::vector<CacheEntry> entries = list_cache(m_cache);
  std::uint64_t total = 0;
  for (const CacheEntry& entry : entries) {
    total += entry.size;
  }
  for (const CacheEntry& entry : entries) {
    const bool old = m_rules.max_age && m_rules.now - entry.last_use > *m_rules.max_age;
    const bool too_much = m_rules.max_size && total > *m_rules.max_size;
    if (!m_rules.keep.contains(entry.digest) && (old || too_much) && remove_asset(entry)) {
      total -= entry.size;
    } else {
      m_there.insert(entry.digest);
    }
  }
}

bool Pruner::remove_asset(const CacheEntry& entry) {
  // Against one who is just now verifying or replacing it. Telling leaves no trace, not even a
  // lock.
  const std::string lock_path = m_cache.path_of(entry.digest) + ".lock";
  std::optional<FileLock> lock;
  if (m_rules.mode == PruneRules::Mode::remove || exists(lock_path)) {
    lock = FileLock::acquire(lock_path, FileLock::Wait::no);
    if (!lock) {
      return false;
    }
  }
  if (in_use_elsewhere(m_cache.path_of(entry.digest)) == InUse::yes) {
    return false;
  }
  remove(entry.digest, entry.size);
  return true;
}

void Pruner::remove_litter() {
  for (const Name& name : names_in(m_cache.folder())) {
    struct stat status;
    const std::string path = m_cache.folder() + "/" + name.whole;
    if (name.suffix.empty() || ::lstat(path.c_str(), &status) < 0 || !S_ISREG(status.st_mode) ||
        !is_litter(name, status)) {
      continue;
    }
    // Whoever downloads holds the lock, and the lock goes as the last of its family.
    const std::string lock_path = m_cache.path_of(name.digest) + ".lock";
    if (name.suffix != ".lock" && !exists(lock_path)) {
      remove(name.whole, static_cast<std::uint64_t>(status.st_size));
    } else if (FileLock::acquire(lock_path, FileLock::Wait::no)) {
      remove(name.whole, static_cast<std::uint64_t>(status.st_size));
    }
  }
}

bool Pruner::is_litter(const Name& name, const struct stat& status) const {
  const bool asset_there =
      m_there.contains(name.digest) || // or it has just come
      (m_rules.mode == PruneRules::Mode::remove && exists(m_cache.path_of(name.digest)));
  const bool old = m_rules.now - time_of(status.st_mtim) > k_litter_age;
  if (name.suffix == ".stamp" || name.suffix == ".verified") {
    return !asset_there;
  }
  if (name.suffix == ".lock") {
    return !asset_there && !exists(m_cache.partial_path(name.digest));
  }
  // ".partial", ".resume", ".corrupt", QEMU's ".download", and temporary names of all of them
  return old || (asset_there && name.suffix == ".partial");
}

void Pruner::remove(const std::string& name, std::uint64_t size) {
  const std::string path = m_cache.folder() + "/" + name;
  if (m_rules.mode == PruneRules::Mode::remove && ::unlink(path.c_str()) < 0 && errno != ENOENT) {
    throw errno_error(errno, format("removing {}", path));
  }
  pruned.push_back({name, size});
}

} // namespace

std::vector<CacheEntry> list_cache(const Cache& cache) {
  std::vector<CacheEntry> entries;
  for (const Name& name : names_in(cache.folder())) {
    const std::string path = cache.path_of(name.digest);
    struct stat status;
    if (name.suffix.empty() && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      entries.push_back({name.digest, static_cast<std::uint64_t>(status.st_size),
                         last_use_of(path, status), url_of(path), cache.state(name.digest)});
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
    return a.last_use < b.last_use;
  });
  return entries;
}

std::size_t verify_cache(const Cache& cache,
                         const std::function<void(const CacheEntry&, bool right)>& on_checked) {
  std::size_t wrong = 0;
  for (const CacheEntry& entry : list_cache(cache)) {
    const FileLock lock = cache.lock(entry.digest);
    const std::string path = cache.path_of(entry.digest);
    const std::optional<std::string> marks = Cache::marks(path);
    if (!marks) { // gone since it was listed
      continue;
    }
    const bool right = digest_of_file(path, digest_kind(entry.digest)) == entry.digest;
    if (right) {
      cache.record(entry.digest, *marks);
    } else {
      cache.quarantine(entry.digest);
      ++wrong;
    }
    on_checked(entry, right);
  }
  return wrong;
}

std::vector<Pruned> prune_cache(const Cache& cache, const PruneRules& rules) {
  Pruner pruner(cache, rules);
  pruner.remove_assets();
  pruner.remove_litter();
  return pruner.pruned;
}

} // namespace qt
