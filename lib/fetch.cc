#include "fetch.hh"

#include "digest.hh"
#include "error.hh"
#include "log.hh"
#include "text.hh"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace qt {

namespace {

constexpr Duration k_longest_pause = std::chrono::seconds(30);

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// How one URL ended.
enum class UrlOutcome { right, transient, permanent };
struct UrlResult {
  UrlOutcome outcome;
  std::string reason;
};

// Brings the bytes of one digest into one open file, which may hold the start of them already.
class Download {
public:
  Download(HttpClient& client, const FetchOptions& options, const std::string& digest, int fd,
           std::string path)
    : m_client(client)
    , m_options(options)
    , m_digest(digest)
    , m_digester(digest_kind(digest))
    , m_fd(fd)
    , m_path(std::move(path)) {}

  // Where and under which validator the bytes that the file holds came.
  Cache::Resume resume;
  // Told what `resume` should be when this file is found again.
  std::function<void(const Cache::Resume&)> remember;

  // Tries `url` until it is right or hopeless. Throws Error if the host fails.
  UrlResult run(const std::string& url);

private:
  UrlResult attempt(const std::string& url, std::optional<Duration>& retry_after);
  void empty_file();
  void follow(HttpProgress progress);

  HttpClient& m_client;
  const FetchOptions& m_options;
  const std::string& m_digest;
  Digester m_digester;
  std::uint64_t m_hashed = 0;
  unsigned m_restarts = 0;
  int m_fd;
  std::string m_path;
};

Duration pause_before(int retry, const FetchOptions& options) {
  Duration pause = options.first_pause;
  for (int i = 1; i < retry && pause < k_longest_pause; ++i) {
    pause *= 3;
  }
  static thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<Duration::rep> vary(pause.count() / 2, pause.count() * 3 / 2);
  return std::min(Duration(vary(random)), k_longest_pause);
}

UrlResult Download::run(const std::string& url) {
  for (int retry = 0;; ++retry) {
    std::optional<Duration> retry_after;
    UrlResult result = attempt(url, retry_after);
    if (result.outcome != UrlOutcome::transient || retry == m_options.retries) {
      return result;
    }
    Duration pause = pause_before(retry + 1, m_options);
    if (retry_after) {
      if (*retry_after > k_longest_pause) {
        result.reason += format(", the server asks to wait {}", format_duration(*retry_after));
        return result;
      }
      pause = std::max(pause, *retry_after);
    }
    log_info(format("fetching {}: {}; trying again in {}", display_url(url), result.reason,
                    format_duration(pause)));
    std::this_thread::sleep_for(pause);
  }
}

void Download::empty_file() {
  if (::ftruncate(m_fd, 0) < 0) {
    throw errno_error(errno, format("emptying {}", m_path));
  }
  resume = {};
}

void Download::follow(HttpProgress progress) {
  if (progress.restarts != m_restarts) {
    m_restarts = progress.restarts;
    m_hashed = 0;
    m_digester.restart();
  }
  m_hashed = add_file_range(m_digester, m_fd, m_hashed, progress.bytes, m_path);
}

// One request, or two where the first finds that what the file holds is of no use.
UrlResult Download::attempt(const std::string& url, std::optional<Duration>& retry_after) {
  for (;;) {
    struct stat status;
    if (::fstat(m_fd, &status) < 0) {
      throw errno_error(errno, format("reading {}", m_path));
    }
    const std::uint64_t held = static_cast<std::uint64_t>(status.st_size);
    m_restarts = 0;
    m_hashed = 0;
    m_digester.restart();
    follow({held, 0});
    if (held > 0 && m_digester.hex() == m_digest) { // interrupted just before it was published
      return {UrlOutcome::right, ""};
    }

    HttpRequest request;
    request.url = url;
    request.fd = m_fd;
    request.offset = held;
    request.validator = resume.url == display_url(url) ? resume.validator : "";
    request.on_validator = [&](const std::string& validator) {
      resume = {display_url(url), validator};
      if (remember) {
        remember(resume);
      }
    };
    if (held > 0) {
      log_info(format("fetching {}: continuing after {} bytes", display_url(url), held));
    }
    const HttpResult result =
        m_client.get(request, [this](HttpProgress progress) { follow(progress); });
    switch (result.outcome) {
    case HttpOutcome::complete:
      break;
    case HttpOutcome::gone:
    case HttpOutcome::refused:
      return {UrlOutcome::permanent, result.reason};
    case HttpOutcome::transient:
      retry_after = result.retry_after;
      return {UrlOutcome::transient, result.reason};
    case HttpOutcome::not_resumable:
      empty_file();
      continue;
    case HttpOutcome::unwritable:
      throw Error(format("fetching {}: writing {}: {}", display_url(url), m_path, result.reason));
    }
    const std::string found = m_digester.hex();
    if (found == m_digest) {
      return {UrlOutcome::right, ""};
    }
    const bool continued = held > 0 && m_restarts == 0;
    empty_file();
    if (!continued) {
      return {UrlOutcome::permanent,
              format("the content has the digest {}, not {}", found, m_digest)};
    }
    log_info(format("fetching {}: what was continued is not right; once more from the start",
                    display_url(url)));
  }
}

// Tries the URLs in order. `right` gets the one that worked.
Fetched try_urls(Download& download, const AssetSource& source, std::string& right) {
  std::vector<std::string> reasons;
  bool may_work_later = false;
  for (const std::string& url : source.urls) {
    const UrlResult result = download.run(url);
    if (result.outcome == UrlOutcome::right) {
      right = display_url(url);
      for (const std::string& reason : reasons) {
        log_info("passed over " + reason);
      }
      return {FetchOutcome::downloaded, "", ""};
    }
    may_work_later = may_work_later || result.outcome == UrlOutcome::transient;
    reasons.push_back(format("{}: {}", display_url(url), result.reason));
  }
  const std::string all = join(reasons, "; ");
  if (may_work_later) {
    return {FetchOutcome::unavailable, "", "asset unavailable: " + all};
  }
  return {FetchOutcome::failed, "", "fetching " + all};
}

} // namespace

FetchOptions FetchOptions::from_environment() {
  FetchOptions options;
  // "0" means no here; QEMU's framework takes any text for yes.
  const std::string forbidden = variable("QEMU_TEST_NO_DOWNLOAD");
  if (!forbidden.empty() && forbidden != "0") {
    options.downloads = Downloads::forbidden;
  }
  if (std::getenv("QEMU_TEST_REFRESH_CACHE") != nullptr &&
      variable("QEMU_TEST_REFRESH_CACHE") != "0") {
    options.refresh = Refresh::yes;
  }
  return options;
}

Fetcher::Fetcher(Cache cache, FetchOptions options)
  : m_cache(std::move(cache))
  , m_options(options)
  , m_start(std::chrono::system_clock::now()) {}

Fetcher::~Fetcher() = default;

HttpClient& Fetcher::client() {
  const std::lock_guard guard(m_client_mutex);
  if (!m_client) {
    m_client = std::make_unique<HttpClient>(m_options.limits);
  }
  return *m_client;
}

Fetched Fetcher::fetch(const AssetSource& source) {
  Fetched result = find_or_download(source);
  if (result.there()) {
    result.path = m_cache.path_of(source.digest);
    m_cache.touch(source.digest);
  }
  return result;
}

Fetched Fetcher::find_or_download(const AssetSource& source) {
  const bool refresh = m_options.refresh == FetchOptions::Refresh::yes;
  const bool forbidden = m_options.downloads == FetchOptions::Downloads::forbidden;
  const std::string url = display_url(source.urls.at(0));
  const Fetched not_allowed{
      FetchOutcome::unavailable, "",
      format("asset unavailable: {}: {} and QEMU_TEST_NO_DOWNLOAD is set; unset it to download",
             url, refresh ? "QEMU_TEST_REFRESH_CACHE wants a download" : "not in the cache")};
  const Cache::State state = m_cache.state(source.digest);
  if (!refresh && state == Cache::State::verified) {
    return {};
  }
  if (forbidden && (refresh || state == Cache::State::absent)) {
    return not_allowed;
  }

  std::optional<FileLock> lock;
  try {
    lock = m_cache.lock(source.digest);
  } catch (const Error&) {
    // A cache that cannot be written still serves what is right in it.
    if (!refresh && state == Cache::State::unverified && verify_unrecorded(source)) {
      return {};
    }
    throw;
  }
  if (refresh) {
    // Someone else with the same wish may have been first.
    return m_cache.verified_since(source.digest, m_start) ? Fetched() : download(source);
  }
  switch (m_cache.state(source.digest)) {
  case Cache::State::verified: // by the one who had the lock before
    return {};
  case Cache::State::unverified:
    if (verify_unrecorded(source)) {
      return {};
    }
    m_cache.quarantine(source.digest);
    break;
  case Cache::State::absent:
    break;
  }
  return forbidden ? not_allowed : download(source);
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

Fetched Fetcher::download(const AssetSource& source) {
  const std::string partial = m_cache.partial_path(source.digest);
  const UniqueFd fd = open_file(partial, O_RDWR | O_CREAT);
  Download download(client(), m_options, source.digest, fd.get(), partial);
  download.resume = m_cache.resume_of(source.digest).value_or(Cache::Resume());
  download.remember = [&](const Cache::Resume& resume) {
    m_cache.remember_resume(source.digest, resume);
  };
  std::string url;
  Fetched result = try_urls(download, source, url);
  struct stat status;
  if (result.outcome == FetchOutcome::downloaded) {
    m_cache.publish(source.digest, url);
  } else if (::fstat(fd.get(), &status) == 0 && status.st_size == 0) {
    m_cache.discard_partial(source.digest);
  }
  return result;
}

Fetched Fetcher::fetch_uncached(const AssetSource& source, const std::string& path) {
  AtomicFile file(path);
  Download download(client(), m_options, source.digest, file.fd(), path);
  std::string url;
  Fetched result = try_urls(download, source, url);
  if (result.there()) {
    file.commit();
    result.path = path;
  }
  return result;
}

std::vector<Fetched>
Fetcher::fetch_all(std::span<const AssetSource> sources, unsigned jobs,
                   const std::function<void(std::size_t, const Fetched&)>& on_done) {
  std::vector<Fetched> results(sources.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < sources.size();) {
      try {
        results[i] = fetch(sources[i]);
        const std::lock_guard guard(mutex);
        if (on_done) {
          on_done(i, results[i]);
        }
      } catch (...) {
        const std::lock_guard guard(mutex);
        failure = failure ? failure : std::current_exception();
        next = sources.size(); // nobody starts another
      }
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min<std::size_t>(jobs, sources.size()); ++i) {
    threads.emplace_back(work);
  }
  work();
  for (std::thread& thread : threads) {
    thread.join();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  return results;
}

} // namespace qt
