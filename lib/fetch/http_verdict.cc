#include "fetch/http_verdict.hh"

#include "base/format.hh"
#include "base/secrets.hh"
#include "data/url.hh"
#include "fetch/proxy.hh"

#include <cerrno>
#include <string_view>

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

HttpOutcome outcome_of_failure(CURLcode code) {
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
  default:
    return HttpOutcome::transient;
  }
}

// How an ended transfer got to its server, the last one after redirects, as far as it got.
struct Way {
  explicit Way(const TransferEnd& end, const HttpRequest& request) {
    CURL* const easy = end.easy;
    curl().easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
    url = url != nullptr ? url : request.url.c_str();
    proxy = proxy_of(url);
    const HopCount now(easy);
    redirected = now.redirects > 0;
    const bool answered = end.answer.any && end.answer.count.redirects == now.redirects;
    const HopCount before = answered ? HopCount() : end.answer.count;
    connected_after = now.connected_after - before.connected_after;
    sent_after = now.sent > before.sent ? now.sent_after - before.sent_after : 0;
    curl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    status = answered ? status : 0;
    curl().easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    curl().easy_getinfo(easy, CURLINFO_OS_ERRNO, &system_error);
  }
  bool proxy_refused() const { return proxy_status != 0 && proxy_status / 100 != 2; }
  bool no_route() const {
    return system_error == ENETUNREACH || system_error == EHOSTUNREACH || system_error == ENETDOWN;
  }

  const char* url = nullptr; // after redirects
  bool redirected = false;
  std::string proxy;
  curl_off_t connected_after = 0; // to the server or proxy; 0: not
  curl_off_t sent_after = 0;      // the request; 0: not
  long status = 0;
  long proxy_status = 0;
  long system_error = 0;
};

HttpResult verdict_on_status(const Way& way, std::uint64_t offset) {
  HttpResult result;
  result.outcome = outcome_of_status(way.status, offset);
  result.reason = format("HTTP status {}", way.status);
  if (!way.proxy.empty()) {
    result.reason += format(" through the proxy {}", way.proxy);
  }
  return result;
}

// What a proxy says to CONNECT is about the way to the server, not about the file.
HttpResult verdict_on_proxy(const Way& way) {
  HttpResult result;
  result.outcome = outcome_of_status(way.proxy_status, 0) == HttpOutcome::transient
                       ? HttpOutcome::unreachable
                       : HttpOutcome::refused;
  result.reason =
      format("the proxy {} answered CONNECT with HTTP status {}", way.proxy, way.proxy_status);
  if (way.proxy_status == 407) {
    result.reason += "; put its user and password into https_proxy";
  }
  result.host = host_of(way.url);
  return result;
}

// Who is to blame that no answer came, and whether it may be another time soon.
void blame(const Way& way, CURLcode code, HttpResult& result) {
  using How = UnreachableHosts::How;
  using Retry = HttpResult::Retry;
  result.outcome = HttpOutcome::unreachable;
  const bool by_proxy = code == CURLE_COULDNT_RESOLVE_PROXY ||
                        (!way.proxy.empty() && way.connected_after == 0 && way.sent_after == 0);
  result.host = by_proxy ? way.proxy : host_of(way.url);
  if (!way.proxy.empty()) {
    result.reason =
        format("{} the proxy {}: {}", by_proxy ? "reaching" : "through", way.proxy, result.reason);
  }
  const bool timed_out = code == CURLE_OPERATION_TIMEDOUT || way.system_error == ETIMEDOUT;
  result.how = timed_out && way.sent_after == 0 ? How::silent : How::down;
  const bool refused = code == CURLE_COULDNT_CONNECT && !timed_out && !way.no_route();
  result.retry = refused || way.sent_after > 0 ? Retry::may_help : Retry::is_pointless;
}

// libcurl would show the value of the variable, with the password in it.
bool is_complaint_about_variable(std::string_view error_text) {
  return error_text.find("Unsupported proxy") != std::string_view::npos;
}

HttpResult verdict_on_failure(const TransferEnd& end, const Way& way) {
  const CURLcode code = end.code;
  HttpResult result;
  if (is_complaint_about_variable(end.error_text)) {
    result.outcome = HttpOutcome::refused;
    result.reason = "http_proxy, https_proxy or all_proxy is no URL of a proxy; in its password a "
                    "blank is written %20, '/' %2F and '@' %40";
    return result;
  }
  result.outcome = outcome_of_failure(code);
  result.reason =
      without_secrets(*end.error_text != '\0' ? end.error_text : curl().easy_strerror(code));
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    result.reason += "; if the server is right, set SSL_CERT_FILE to its authority's certificate";
  }
  if (code == CURLE_SSL_CACERT_BADFILE) {
    result.reason += "; install ca-certificates, or set SSL_CERT_FILE";
  }
  const bool no_answer = code == CURLE_OPERATION_TIMEDOUT && way.status == 0;
  if (result.outcome == HttpOutcome::unreachable || no_answer) {
    blame(way, code, result);
  }
  return result;
}

} // namespace

HopCount::HopCount(CURL* easy) {
  curl().easy_getinfo(easy, CURLINFO_REDIRECT_COUNT, &redirects);
  curl().easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_after);
  curl().easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_after);
  curl().easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
}

void LastAnswer::note(CURL* easy) {
  const HopCount now(easy);
  if (now.sent_after > count.sent_after) {
    count = now;
    any = true;
  }
}

HttpResult verdict_on(const TransferEnd& end, const HttpRequest& request) {
  const Way way(end, request);
  HttpResult result;
  if (end.code == CURLE_OK) {
    result.final_url = display_url(way.url);
    return result;
  }
  result = way.proxy_refused()                     ? verdict_on_proxy(way)
           : end.code == CURLE_HTTP_RETURNED_ERROR ? verdict_on_status(way, request.offset)
                                                   : verdict_on_failure(end, way);
  result.final_url = display_url(way.url);
  result.redirected = way.redirected;
  result.retry_after = end.retry_after;
  return result;
}

} // namespace qt
