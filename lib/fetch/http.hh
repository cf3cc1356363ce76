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

  // From now on whatever would go to `host` is unreachable at once, so that one dead host does not
  // cost each of its files a time-out. `host` and `why` are the host and reason of an HttpResult.
  void write_off(const std::string& host, const std::string& why);
  bool is_written_off(const std::string& host) const;

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace qt
