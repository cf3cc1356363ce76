// One GET into a file, by libcurl. Speaks http, https and file, and follows redirects to http and
// https only. Does not retry, knows no digests and no cache (fetch.hh).
//
// Bytes are stored as the server sends them: a Content-Encoding is never undone. Proxies come from
// the usual variables (never for loopback addresses), credentials from the URL or ~/.netrc, further
// certificate authorities from CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR.
#pragma once

#include "fetch/http_message.hh"

#include <functional>
#include <memory>
#include <string>

namespace qt {

class HttpClient {
public:
  // `unreachable` outlives the client.
  HttpClient(const HttpLimits& limits, const UnreachableHosts& unreachable);
  // No get() may be running.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Performs the request and blocks until it has ended; `limits` and its deadline bound that. A
  // host that could not be reached before is not asked, or briefly (unreachable.hh); who finds one
  // notes it (UnreachableHosts::add).
  // Meanwhile `follow` is called on the calling thread as the file grows, so that work on its bytes
  // overlaps the transfer; the last call comes after the last byte. What `follow` throws ends the
  // transfer and comes out here. Several threads may be in here: their transfers share connections.
  HttpResult get(const HttpRequest& request, const std::function<void(HttpProgress)>& follow);

private:
  HttpResult perform(const HttpRequest& request, const HttpLimits& limits,
                     const std::function<void(HttpProgress)>& follow);

  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace qt
