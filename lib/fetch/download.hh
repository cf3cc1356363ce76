// Bytes with a known digest into one open file, from URLs of which some may fail: tries again after
// transient failures, continues what the file already holds, starts over where that does not lead
// to the digest. Knows nothing of where the file goes afterwards (fetch.hh).
#pragma once

#include "base/duration.hh"
#include "cache/cache.hh"
#include "data/digest.hh"
#include "fetch/http.hh"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace qt {

struct DownloadOptions {
  // How often one URL is tried again after a transient failure. The pause before the first time is
  // `first_pause`, then three times the one before, each varied by up to a half.
  int retries = 3;
  Duration first_pause = std::chrono::milliseconds(250);
  // What is larger is not taken, where nobody says how large it is.
  std::uint64_t largest = 16ULL << 30;
};

struct Downloaded {
  enum class Outcome {
    right,       // the file has the digest
    unavailable, // at least one URL may work later
    failed,      // none will: gone, refused, not what the digest says
  };
  // What kept it from being right; of several URLs, the one that leaves most hope.
  enum class Cause {
    none,
    transient, // name lookup, connection, time-out, a server's bad day
    corrupt,   // what came does not have the digest
    refused,   // 401, 403, a certificate that is not trusted
    gone,      // 404, 410
  };
  Outcome outcome = Outcome::right;
  Cause cause = Cause::none;
  std::size_t right = 0; // which of the URLs was right
  std::string reason; // "URL: cause; URL: cause" of those that were not; may be set beside `right`
  // The causes without the files' names, and what many files with that fate have in common: the
  // host that is down, else the causes.
  std::string why;
  std::string group;
};

class Download {
public:
  // `fd`: a regular file, open for reading and writing, owned by the caller like everything else
  // here that is passed by reference. `path` is its name in messages.
  Download(HttpClient& client, UnreachableHosts& unreachable, const DownloadOptions& options,
           const std::string& digest, int fd, std::string path);

  // How many bytes it has, if that is known: a file of more is not taken.
  std::optional<std::uint64_t> size;
  // When to give up; what came is kept.
  Deadline deadline = Deadline::never();
  // Where and under which validator the bytes that the file holds came.
  Cache::Resume resume;
  // Told what `resume` should be when this file is found again. Called on another thread. May be
  // empty, like the next one.
  std::function<void(const Cache::Resume&)> remember;
  // Told how far the file is, on the thread of run(). Must not throw.
  std::function<void(const HttpProgress&)> watch;

  // Tries the URLs in order until one is right; a host that could not be reached is noted. Blocks
  // as long as that takes. Throws Error if this host fails; the file then keeps what came.
  Downloaded run(std::span<const std::string> urls);

private:
  struct Attempt {
    Downloaded::Cause cause; // none: the file is right
    std::string reason;
    HttpResult result = {};
    std::string unreachable = {}; // the host, if that is the cause
  };
  Attempt try_url(const std::string& url);
  Attempt request_once(const std::string& url);
  Attempt judge(const HttpResult& result, const std::string& url) const;
  Attempt judge_content(const HttpResult& result, const std::string& url) const;
  std::uint64_t largest() const { return size.value_or(m_options.largest); }
  Attempt give_up(Attempt attempt, const std::string& url);
  void hash_what_is_there();
  void follow(HttpProgress progress);
  void empty_file();

  HttpClient& m_client;
  UnreachableHosts& m_unreachable;
  const DownloadOptions& m_options;
  const std::string& m_digest;
  int m_fd;
  std::string m_path;
  Digester m_digester; // has seen the first m_hashed bytes of the file
  std::uint64_t m_hashed = 0;
  unsigned m_restarts = 0;
};

} // namespace qt
