#include "fetch/fetch.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/parallel.hh"
#include "base/text.hh"
#include "cache/qemu_download.hh"
#include "data/digest.hh"
#include "data/url.hh"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

bool stands_for(const Mirror& mirror, std::string_view url) {
  const std::string_view rest =
      url.substr(std::min(url.size(), mirror.from.size())); // after the prefix
  return url.starts_with(mirror.from) &&
         (mirror.from.ends_with('/') || rest.empty() || rest.starts_with('/'));
}

// Where the "=" is that parts a rule: the one before a URL, as FROM may have some of its own.
std::size_t separator_of(std::string_view rule) {
  std::size_t at = rule.find('=');
  while (at != std::string_view::npos && !is_fetchable(rule.substr(at + 1))) {
    at = rule.find('=', at + 1);
  }
  return at;
}

// Where all runs of this user note who is down (unreachable.hh).
std::string record_of_hosts(const Cache& cache) {
  return format("{}/unreachable-{}", cache.root(), ::geteuid());
}

// The digest is right, so it is the number that is not.
Fetched wrong_size(const AssetSource& source, std::uint64_t size) {
  const std::string why =
      format("the file with this digest has {} bytes, but its size is said to be {} bytes", size,
             *source.size);
  return {FetchOutcome::failed,
          "",
          format("fetching {}: {}", display_url(source.urls.at(0)), why),
          why,
          why,
          Downloaded::Cause::corrupt};
}

Fetched outcome_of(const Downloaded& result) {
  Fetched fetched;
  fetched.cause = result.cause;
  fetched.why = result.why;
  fetched.group = result.group;
  switch (result.outcome) {
  case Downloaded::Outcome::right:
    if (!result.reason.empty()) {
      log_info("passed over " + result.reason);
    }
    fetched.outcome = FetchOutcome::downloaded;
    break;
  case Downloaded::Outcome::unavailable:
    fetched.outcome = FetchOutcome::unavailable;
    fetched.reason = "asset unavailable: " + result.reason;
    break;
  case Downloaded::Outcome::failed:
    fetched.outcome = FetchOutcome::failed;
    fetched.reason = "fetching " + result.reason;
    break;
  }
  return fetched;
}

} // namespace

std::vector<Mirror> parse_mirrors(std::string_view rules) {
  std::string spaced(rules);
  std::replace_if(
      spaced.begin(), spaced.end(), [](char c) { return c == '\t' || c == '\n'; }, ' ');
  std::vector<Mirror> mirrors;
  for (const std::string& rule : split(spaced, ' ')) {
    if (rule.empty()) {
      continue;
    }
    const std::size_t at = separator_of(rule);
    if (at == std::string::npos || !is_fetchable(rule.substr(0, at))) {
      throw Error(format("QEMU_TEST_MIRRORS: rule {} is not FROM=TO with two beginnings of http, "
                         "https or file URLs, such as https://a.example/=https://cache.example/a/",
                         mirrors.size() + 1),
                  ExitCode::usage);
    }
    mirrors.push_back({rule.substr(0, at), rule.substr(at + 1)});
  }
  return mirrors;
}

std::vector<Mirror> mirrors_of_environment() {
  return parse_mirrors(env::text("QEMU_TEST_MIRRORS"));
}

std::vector<Candidate> with_mirrors(std::span<const std::string> urls,
                                    std::span<const Mirror> mirrors) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < urls.size(); ++i) {
    for (const Mirror& mirror : mirrors) {
      if (stands_for(mirror, urls[i])) {
        candidates.push_back({mirror.to + urls[i].substr(mirror.from.size()), i});
      }
    }
  }
  for (std::size_t i = 0; i < urls.size(); ++i) {
    candidates.push_back({urls[i], i});
  }
  return candidates;
}

FetchOptions FetchOptions::from_environment() {
  FetchOptions options;
  if (env::flag("QEMU_TEST_NO_DOWNLOAD")) {
    options.downloads = Downloads::forbidden;
  }
  if (env::flag("QEMU_TEST_REFRESH_CACHE")) {
    options.refresh = Refresh::yes;
    options.others = UnreachableHosts::Others::asked_again;
  }
  options.mirrors = mirrors_of_environment();
  return options;
}

Fetcher::Fetcher(Cache cache, FetchOptions options)
  : m_cache(std::move(cache))
  , m_options(std::move(options))
  , m_start(std::chrono::system_clock::now())
  , m_unreachable(record_of_hosts(m_cache), m_options.others) {}

Fetcher::Fetcher(FetchOptions options)
  : m_cache("/")
  , m_options(std::move(options))
  , m_start(std::chrono::system_clock::now()) {}

Fetcher::~Fetcher() = default;

HttpClient& Fetcher::client() {
  const std::lock_guard guard(m_client_mutex);
  if (!m_client) {
    m_client = std::make_unique<HttpClient>(m_options.limits, m_unreachable);
  }
  return *m_client;
}

Fetched Fetcher::fetch(const AssetSource& source, const Watch& watch) {
  Fetched result = find_or_download(source, watch);
  if (result.there()) {
    result.path = m_cache.path_of(source.digest);
    m_cache.touch(source.digest);
    struct stat status;
    if (source.size && ::stat(result.path.c_str(), &status) == 0 &&
        static_cast<std::uint64_t>(status.st_size) != *source.size) {
      return wrong_size(source, static_cast<std::uint64_t>(status.st_size));
    }
  }
  return result;
}

Fetched Fetcher::find_or_download(const AssetSource& source, const Watch& watch) {
  const bool refresh = m_options.refresh == FetchOptions::Refresh::yes;
  const bool forbidden = m_options.downloads == FetchOptions::Downloads::forbidden;
  const std::string url = display_url(source.urls.at(0));
  const std::string why =
      format("{} and QEMU_TEST_NO_DOWNLOAD is set; unset it to download",
             refresh ? "QEMU_TEST_REFRESH_CACHE wants a download" : "not in the cache");
  const Fetched not_allowed{
      FetchOutcome::unavailable, "", format("asset unavailable: {}: {}", url, why), why, why,
      Downloaded::Cause::none};
  const Cache::State state = m_cache.state(source.digest);
  if (!refresh && state == Cache::State::verified) {
    return {};
  }
  if (forbidden && (refresh || state == Cache::State::absent)) {
    return not_allowed;
  }

  const Deadline deadline = Deadline::after(m_options.time);
  std::optional<FileLock> lock;
  try {
    lock = m_cache.lock(source.digest, deadline);
  } catch (const Error&) {
    // A cache that cannot be written still serves what is right in it.
    if (!refresh && state == Cache::State::unverified && verify_unrecorded(source)) {
      return {};
    }
    throw;
  }
  if (!lock) {
    return locked_elsewhere(source);
  }
  if (refresh) {
    // Someone else with the same wish may have been first.
    return m_cache.verified_since(source.digest, m_start) ? Fetched()
                                                          : download(source, watch, deadline);
  }
  do {
    if (find_here(source)) {
      return {};
    }
    if (forbidden) {
      return not_allowed;
    }
  } while (await_qemu_download(m_cache, source.digest, deadline));
  return download(source, watch, deadline);
}

Fetched Fetcher::locked_elsewhere(const AssetSource& source) const {
  const std::string path = m_cache.lock_path(source.digest);
  const std::string why =
      format("{} has held {} for {}", holder_of_lock(path), path, format_duration(m_options.time));
  return {FetchOutcome::unavailable,
          "",
          format("asset unavailable: {}: {}", display_url(source.urls.at(0)), why),
          why,
          why,
          Downloaded::Cause::transient};
}

bool Fetcher::find_here(const AssetSource& source) const {
  std::string wrong;
  while (m_cache.state(source.digest) == Cache::State::unverified &&
         m_cache.path_of(source.digest) != wrong) {
    if (verify_unrecorded(source)) {
      return true;
    }
    wrong = m_cache.path_of(source.digest);
    m_cache.quarantine(source.digest);
  }
  return m_cache.state(source.digest) == Cache::State::verified; // by who had the lock before
}

bool Fetcher::verify_unrecorded(const AssetSource& source) const {
  const std::string path = m_cache.path_of(source.digest);
  const std::optional<std::string> marks = Cache::marks(path);
  log_info(format("verifying {}", path));
  const std::string found = digest_of_file(path, digest_kind(source.digest));
  if (!marks || found != source.digest) {
    log_warning(format("{} has the digest {}: not used", path, found));
    return false;
  }
  m_cache.record(source.digest, *marks);
  return true;
}

Fetched Fetcher::download(const AssetSource& source, const Watch& watch, Deadline deadline) {
  const std::string partial = m_cache.partial_path(source.digest);
  const UniqueFd fd = m_cache.open_partial(source.digest);
  const QemuDownloadMark mark(m_cache, source.digest);
  Download download(client(), m_unreachable, m_options.download, source.digest, fd.get(), partial);
  download.size = source.size;
  download.deadline = deadline;
  download.resume = m_cache.resume_of(source.digest).value_or(Cache::Resume());
  download.remember = [&](const Cache::Resume& resume) {
    m_cache.remember_resume(source.digest, resume);
  };
  download.watch = watch;
  const Downloaded downloaded = run(download, source);
  struct stat status;
  if (downloaded.outcome == Downloaded::Outcome::right) {
    m_cache.publish(source.digest, display_url(source.urls[downloaded.right]), fd.get());
  } else if (::fstat(fd.get(), &status) == 0 && status.st_size == 0) {
    m_cache.discard_partial(source.digest);
  }
  return outcome_of(downloaded);
}

Downloaded Fetcher::run(Download& download, const AssetSource& source) const {
  const std::vector<Candidate> candidates = with_mirrors(source.urls, m_options.mirrors);
  std::vector<std::string> urls;
  for (const Candidate& candidate : candidates) {
    urls.push_back(candidate.url);
  }
  Downloaded result = download.run(urls);
  if (result.outcome == Downloaded::Outcome::right) {
    result.right = candidates[result.right].original;
  }
  return result;
}

Fetched Fetcher::fetch_uncached(const AssetSource& source, const std::string& path,
                                const Watch& watch) {
  AtomicFile file(path);
  Download download(client(), m_unreachable, m_options.download, source.digest, file.fd(), path);
  download.size = source.size;
  download.deadline = Deadline::after(m_options.time);
  download.watch = watch;
  Fetched result = outcome_of(run(download, source));
  if (result.there()) {
    file.commit();
    result.path = path;
  }
  return result;
}

std::vector<Fetched>
Fetcher::fetch_all(std::span<const AssetSource> sources, unsigned jobs,
                   const std::function<void(std::size_t, const Fetched&)>& on_done,
                   const std::function<void(std::size_t, const HttpProgress&)>& on_moved) {
  std::vector<Fetched> results(sources.size());
  std::mutex mutex;
  for_each_parallel(sources.size(), jobs, [&](std::size_t i) {
    results[i] = fetch(sources[i], [&](const HttpProgress& progress) {
      if (on_moved) {
        on_moved(i, progress);
      }
    });
    const std::lock_guard guard(mutex);
    if (on_done) {
      on_done(i, results[i]);
    }
  });
  return results;
}

} // namespace qt
