// One GET into a file, by libcurl; the only includer of it. Speaks http, https and file, and
// follows redirects to http and https only. Does not retry, knows no digests and no cache
// (fetch.hh).
//
// Bytes are stored as the server sends them: a Content-Encoding is never undone. Proxies come from
// the usual variables (never for loopback addresses), credentials from the URL or ~/.netrc.
#pragma once

#include "duration.hh"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

struct HttpRequest {
  std::string url;
  // Where the body goes: a regular file, open for reading and writing, not appending.
  int fd = -1;
  // What the file already holds; above 0 the server is asked for the rest only. One that sends
  // everything instead makes the file start over.
  std::uint64_t offset = 0;
  // The ETag or date under which the bytes before `offset` came; empty if unknown. The server gives
  // the rest only if this still holds.
  std::string validator;
  // Told the ETag or date of what is about to come, before the first byte of it is written; empty
  // if the server names neither. Runs on the client's thread; must not throw.
  std::function<void(const std::string& validator)> on_validator;
};

struct HttpProgress {
  std::uint64_t bytes = 0; // in the file, counted from its start
  unsigned restarts = 0;   // how often the file was emptied and started over
};

enum class HttpOutcome {
  complete,
  gone,      // 404, 410, no such file
  refused,   // any other definite no: 401, 403, a protocol that is not allowed, a bad certificate
  transient, // may well work later: name lookup, connection, time-out, cut short, 408, 429, 5xx
  not_resumable, // the server cannot or will not continue at `offset`; ask for the whole
  unwritable,    // the file could not be written
};

struct HttpResult {
  HttpOutcome outcome = HttpOutcome::complete;
  std::string reason;                  // for people; empty if complete; never holds credentials
  std::optional<Duration> retry_after; // what the server asked for
};

struct HttpLimits {
  Duration connect = std::chrono::seconds(20);
  // A transfer that moves less than 1 KiB/s for this long is given up (whole seconds, rounded up).
  Duration stall = std::chrono::seconds(30);
  long connections_per_host = 4;
};

class HttpClient {
public:
  explicit HttpClient(const HttpLimits& limits);
  // No get() may be running.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Performs the request and blocks until it has ended; `limits` bound that, the size does not.
  // Meanwhile `follow` is called on the calling thread as the file grows, so that work on its bytes
  // overlaps the transfer; the last call comes after the last byte. What `follow` throws ends the
  // transfer and comes out here. Several threads may be in here: their transfers share connections.
  HttpResult get(const HttpRequest& request, const std::function<void(HttpProgress)>& follow);

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace qt
