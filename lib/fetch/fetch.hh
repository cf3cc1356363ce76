// An asset by URL and digest: found in the cache, or downloaded into it. Everything that can go
// wrong with a server ends in one of four outcomes; only the host's own faults (disk full, cache
// not writable) are Errors. Nothing is ever published that does not have its digest.
//
// Of any number of processes that want one asset, the one that holds its lock works and the others
// sleep in the kernel until it is there. One that dies is succeeded at once by the next, which
// continues what has come so far.
#pragma once

#include "cache/cache.hh"
#include "fetch/download.hh"
#include "fetch/http.hh"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// Mirrors, for sites without a way out and for those that spare a server: which URLs are tried in
// place of others. Rules are texts "FROM=TO" with spaces between, as in
//
//   QEMU_TEST_MIRRORS="https://a.example/=https://cache.corp/a/ https://b.example/=file:///srv/b/"
//
// A URL that begins with FROM, up to a slash or its end, is tried with TO in its place.

struct Mirror {
  std::string from;
  std::string to;
};

// Throws Error(ExitCode::usage) that says which rule is wrong; never shows a rule's text, which may
// hold a password.
std::vector<Mirror> parse_mirrors(std::string_view rules);
// What QEMU_TEST_MIRRORS says; none if it is unset.
std::vector<Mirror> mirrors_of_environment();

struct Candidate {
  std::string url;
  std::size_t original; // index of the URL that it stands for
};
// All mirrors of all the URLs, in the order of the URLs, then of the rules; last the URLs
// themselves.
std::vector<Candidate> with_mirrors(std::span<const std::string> urls,
                                    std::span<const Mirror> mirrors);

struct AssetSource {
  std::vector<std::string> urls;          // tried in order, at least one, each is_fetchable()
  std::string digest;                     // as parse_digest() gives it
  std::string name;                       // for messages; may be empty
  std::optional<std::uint64_t> size = {}; // bytes, if that is known
};

struct FetchOptions {
  enum class Downloads { allowed, forbidden };
  enum class Refresh { no, yes };

  Downloads downloads = Downloads::allowed;
  Refresh refresh = Refresh::no; // download even what the cache has
  DownloadOptions download;
  HttpLimits limits;
  std::vector<Mirror> mirrors; // tried before the URLs themselves
  // For one asset: waiting for another process, and downloading.
  Duration time = std::chrono::hours(1);
  UnreachableHosts::Others others = UnreachableHosts::Others::believed;

  // With what QEMU_TEST_NO_DOWNLOAD, QEMU_TEST_REFRESH_CACHE and QEMU_TEST_MIRRORS say. Throws
  // Error(ExitCode::usage) if the last is wrong.
  static FetchOptions from_environment();
};

enum class FetchOutcome {
  cached,
  downloaded,
  unavailable, // not now: offline, a server's bad day, downloads forbidden
  failed,      // not at all: gone, refused, not what the digest says
};

struct Fetched {
  FetchOutcome outcome = FetchOutcome::cached;
  std::string path;   // where the file is; empty if it is not
  std::string reason; // why it is not there: "asset unavailable: URL: cause", one line
  // The cause alone, and what is the same for all assets that it keeps away (download.hh).
  std::string why = {};
  std::string group = {};
  // What kind of cause; none also if nobody was asked.
  Downloaded::Cause cause = Downloaded::Cause::none;

  bool there() const {
    return outcome == FetchOutcome::cached || outcome == FetchOutcome::downloaded;
  }
};

// May be used by several threads at once.
class Fetcher {
public:
  Fetcher(Cache cache, FetchOptions options);
  // Without cache and records: for fetch_uncached() only.
  explicit Fetcher(FetchOptions options);
  ~Fetcher();

  // Blocks while another process works on the same asset, then as long as the download takes, both
  // together FetchOptions::time.
  // Throws Error if the host fails; what was in the cache is still there and still right.
  // `watch` is told how far a download is, on this thread.
  using Watch = std::function<void(const HttpProgress&)>;
  Fetched fetch(const AssetSource& source, const Watch& watch = {});

  // Downloads to `path`, past the cache; the file appears there whole and verified or not at all.
  // Not subject to QEMU_TEST_NO_DOWNLOAD, which is about assets. Errors as fetch().
  Fetched fetch_uncached(const AssetSource& source, const std::string& path,
                         const Watch& watch = {});

  // fetch() for each, up to `jobs` at a time; the results are in the order of `sources`. `on_done`
  // (may be empty) is called for each as it ends, by one thread at a time; `on_moved` (may be
  // empty) is the `watch` of each, by several threads at once.
  std::vector<Fetched>
  fetch_all(std::span<const AssetSource> sources, unsigned jobs,
            const std::function<void(std::size_t, const Fetched&)>& on_done,
            const std::function<void(std::size_t, const HttpProgress&)>& on_moved = {});

private:
  HttpClient& client();
  Fetched locked_elsewhere(const AssetSource& source) const;
  Fetched find_or_download(const AssetSource& source, const Watch& watch);
  // Whether the cache has the file, or a lower one. What is wrong of this cache is put aside. The
  // caller holds the lock.
  bool find_here(const AssetSource& source) const;
  // Hashes a file that has no record; remembers that it is right.
  bool verify_unrecorded(const AssetSource& source) const;
  Fetched download(const AssetSource& source, const Watch& watch, Deadline deadline);
  // From the mirrors, then from the source's own URLs.
  Downloaded run(Download& download, const AssetSource& source) const;

  Cache m_cache;
  FetchOptions m_options;
  std::chrono::system_clock::time_point m_start;
  UnreachableHosts m_unreachable;
  std::mutex m_client_mutex;
  std::unique_ptr<HttpClient> m_client; // made when first needed: most runs find everything
};

} // namespace qt
