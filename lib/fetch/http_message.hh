// What is asked of a server and what comes of it, in the words of whoever wants a file (http.hh).
#pragma once

#include "base/duration.hh"
#include "fetch/unreachable.hh"

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

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
  // The file may not become larger, in bytes; nor the transfer last longer.
  std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  Deadline deadline = Deadline::never();
  // Told the ETag or date of what is about to come, before the first byte of it is written; empty
  // if the server names neither. Runs on the client's thread; must not throw.
  std::function<void(const std::string& validator)> on_validator;
};

struct HttpProgress {
  std::uint64_t bytes = 0; // in the file, counted from its start
  unsigned restarts = 0;   // how often the file was emptied and started over
  std::uint64_t total = 0; // what `bytes` will be at the end, as the server says; 0 if it does not
};

enum class HttpOutcome {
  complete,
  gone,        // 404, 410, no such file
  refused,     // any other definite no: 401, 403, a protocol that is not allowed, a bad certificate
  transient,   // may well work later: cut short, stalled, 408, 429, 5xx
  unreachable, // no host of that name, nobody listening, no answer; may work later
  too_large,   // more than HttpRequest::largest; the file has none of what was too much
  not_resumable, // the server cannot or will not continue at `offset`; ask for the whole
  unwritable,    // the file could not be written
};

struct HttpResult {
  HttpOutcome outcome = HttpOutcome::complete;
  std::string reason;                  // for people; empty if complete; never holds credentials
  std::optional<Duration> retry_after; // what the server asked for
  std::string final_url = {};          // after redirects; never holds credentials
  bool redirected = false;             // the host of the request answered, with a redirect
  enum class Retry { may_help, is_pointless } retry = Retry::may_help;
  // If unreachable: which host, that of a redirect or a proxy maybe, and who should know of it how.
  std::string host = {};
  UnreachableHosts::How how = UnreachableHosts::How::down;
  UnreachableHosts::For whom = UnreachableHosts::For::all;
};

struct HttpLimits {
  // Until the request can be sent: name, connection, proxy, TLS. Shorter where nobody answers
  // (unreachable.hh).
  Duration connect = std::chrono::seconds(5);
  // A transfer that moves less than 1 KiB/s for this long is given up (whole seconds, rounded up),
  // or so little that it would take more than a day.
  Duration stall = std::chrono::seconds(30);
  long connections_per_host = 4;
};

} // namespace qt
