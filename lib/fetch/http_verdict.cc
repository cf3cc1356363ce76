#include "fetch/http_verdict.hh"

#include "base/format.hh"
#include "data/url.hh"

namespace qt {

namespace {

HttpOutcome outcome_of_status(long status, std::uint64_t offset) {
  if (status == 404 || status == 410) {
    return HttpOutcome::gone;
  }
  if (status == 416 && offset > 0) {
    return HttpOutcome::not_resumable;
  }
  // 425: too early; 421: wrong connection reused
  if (status == 408 || status == 421 || status == 425 || status == 429 || status >= 500) {
    return HttpOutcome::transient;
  }
  return HttpOutcome::refused;
}

HttpOutcome outcome_of_failure(CURLcode code, bool connected) {
  switch (code) {
  case CURLE_FILE_COULDNT_READ_FILE:
    return HttpOutcome::gone;
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_URL_MALFORMAT:
  case CURLE_TOO_MANY_REDIRECTS:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_LOGIN_DENIED:
  case CURLE_REMOTE_ACCESS_DENIED:
    return HttpOutcome::refused;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_COULDNT_CONNECT:
    return HttpOutcome::unreachable;
  case CURLE_OPERATION_TIMEDOUT:
    return connected ? HttpOutcome::transient : HttpOutcome::unreachable;
  default:
    return HttpOutcome::transient;
  }
}

std::string without(std::string text, const std::string& secret) {
  for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;) {
    text.erase(at, secret.size());
  }
  return text;
}

HttpResult verdict_on_status(CURL* easy, std::uint64_t offset) {
  long status = 0;
  curl_off_t wait = 0;
  curl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl().easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
  HttpResult result;
  result.outcome = outcome_of_status(status, offset);
  result.reason = format("HTTP status {}", status);
  if (wait > 0) {
    result.retry_after = std::chrono::seconds(wait);
  }
  return result;
}

} // namespace

HttpResult verdict_on(CURL* easy, CURLcode code, const char* error_text,
                      const HttpRequest& request) {
  if (code == CURLE_OK) {
    return {};
  }
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    return verdict_on_status(easy, request.offset);
  }
  curl_off_t connected_after = 0;
  curl().easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_after);
  HttpResult result;
  result.outcome = outcome_of_failure(code, connected_after > 0);
  result.reason = without(*error_text != '\0' ? error_text : curl().easy_strerror(code),
                          credentials_of(request.url));
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    result.reason += "; if the server is right, set SSL_CERT_FILE to its authority's certificate";
  }
  if (code == CURLE_SSL_CACERT_BADFILE) {
    result.reason += "; install ca-certificates, or set SSL_CERT_FILE";
  }
  if (result.outcome == HttpOutcome::unreachable) {
    const char* url = nullptr; // after redirects
    curl().easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
    result.host = host_of(url != nullptr ? url : request.url);
  }
  return result;
}

} // namespace qt
