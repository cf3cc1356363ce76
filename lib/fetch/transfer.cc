#include "fetch/transfer.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/secrets.hh"
#include "base/text.hh"
#include "data/url.hh"
#include "fetch/unreachable.hh"
#include "os/file.hh"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace qt {

namespace {

// `easy` has ended with `code`; `error_text` is what libcurl wrote for people, or empty;
// `retry_after` is what the last answer, of a server or a proxy, asked for.
struct TransferEnd {
  CURL* easy;
  CURLcode code;
  const char* error_text;
  const LastAnswer& answer;
  std::optional<Duration> retry_after;
};

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

constexpr long k_buffer_bytes = 512L << 10; // the most that libcurl hands over at once
constexpr long k_slow_bytes_per_second = 1024;
constexpr std::uint64_t k_seconds_of_a_day = 86'400;
constexpr long k_redirects = 10;
// Of all responses together. Newer versions of libcurl refuse 300 KiB of one, in words of their
// own.
constexpr std::size_t k_most_header_bytes = 256 << 10;

template<typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl().easy_setopt(easy, option, value);
  if (code != CURLE_OK) {
    throw Error(format("preparing a download: libcurl: {}", curl().easy_strerror(code)));
  }
}

// The variables of the curl program and of OpenSSL; the library itself heeds neither where it was
// built with a place for certificates.
void set_certificates(CURL* easy) {
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* const file = std::getenv(name);
    if (file != nullptr && *file != '\0') {
      set(easy, CURLOPT_CAINFO, file);
      break;
    }
  }
  const char* const folder = std::getenv("SSL_CERT_DIR");
  if (folder != nullptr && *folder != '\0') {
    set(easy, CURLOPT_CAPATH, folder);
  }
}

// The value of Retry-After: seconds, or a date (RFC 9110).
std::optional<Duration> pause_of(const std::string& value) {
  std::int64_t seconds = parse_integer(value).value_or(0);
  if (const time_t date = curl().getdate(value.c_str(), nullptr); seconds == 0 && date > 0) {
    seconds = date - ::time(nullptr);
  }
  constexpr std::int64_t k_most = 86'400 * 365;
  return seconds > 0 ? std::optional<Duration>(std::chrono::seconds(std::min(seconds, k_most)))
                     : std::nullopt;
}

// libcurl would wait for a fifo.
bool may_read_netrc() {
  struct stat status;
  const std::string path = home_folder() + "/.netrc";
  return ::stat(path.c_str(), &status) < 0 || S_ISREG(status.st_mode);
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

Transfer::Transfer(const HttpRequest& request, const HttpLimits& limits,
                   const IsWrittenOff& is_written_off)
  : m_request(request)
  , m_is_written_off(is_written_off)
  , m_easy(curl().easy_init()) {
  if (m_easy == nullptr) {
    throw std::bad_alloc();
  }
  m_progress.bytes = request.offset;
  set(m_easy, CURLOPT_URL, request.url.c_str());
  set(m_easy, CURLOPT_PRIVATE, this);
  set(m_easy, CURLOPT_ERRORBUFFER, m_error_text.data());
  set(m_easy, CURLOPT_NOSIGNAL, 1L);
  set(m_easy, CURLOPT_USERAGENT, "qemu-test-toolkit/" QT_VERSION);
#if LIBCURL_VERSION_NUM >= 0x075500
  set(m_easy, CURLOPT_PROTOCOLS_STR, "http,https,file");
  set(m_easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  set(m_easy, CURLOPT_PROTOCOLS, long(CURLPROTO_HTTP | CURLPROTO_HTTPS | CURLPROTO_FILE));
  set(m_easy, CURLOPT_REDIR_PROTOCOLS, long(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  set(m_easy, CURLOPT_QUICK_EXIT, 1L); // does not wait for a look-up that has been given up
#endif
  set(m_easy, CURLOPT_FOLLOWLOCATION, 1L);
  set(m_easy, CURLOPT_MAXREDIRS, k_redirects);
  set(m_easy, CURLOPT_FAILONERROR, 1L);
  set(m_easy, CURLOPT_NETRC, long(may_read_netrc() ? CURL_NETRC_OPTIONAL : CURL_NETRC_IGNORED));
  set(m_easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(m_easy, CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_2TLS));
  set(m_easy, CURLOPT_BUFFERSIZE, k_buffer_bytes);
  set(m_easy, CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, long(limits.connect.count())));
  if (!request.deadline.is_never()) {
    // Later rather than earlier, so that who looks finds the deadline passed.
    set(m_easy, CURLOPT_TIMEOUT_MS, long(request.deadline.remaining().count()) + 20);
  }
  set(m_easy, CURLOPT_LOW_SPEED_LIMIT, k_slow_bytes_per_second);
  set(m_easy, CURLOPT_LOW_SPEED_TIME, std::max(1L, long((limits.stall.count() + 999) / 1000)));
  set(m_easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(m_easy, CURLOPT_HEADERDATA, this);
  set(m_easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(m_easy, CURLOPT_WRITEDATA, this);
  set_certificates(m_easy);
  if (is_loopback(request.url)) {
    set(m_easy, CURLOPT_PROXY, "");
  }
  m_headers = curl().slist_append(m_headers, "Accept-Encoding: identity");
  if (request.offset > 0) {
    // Not CURLOPT_RESUME_FROM: that makes a full answer an error, and here it is just a restart.
    m_headers = curl().slist_append(m_headers, format("Range: bytes={}-", request.offset).c_str());
    if (!request.validator.empty()) {
      m_headers = curl().slist_append(m_headers, ("If-Range: " + request.validator).c_str());
    }
  }
  set(m_easy, CURLOPT_HTTPHEADER, m_headers);
}

Transfer::~Transfer() {
  curl().easy_cleanup(m_easy);
  curl().slist_free_all(m_headers);
}

std::size_t Transfer::on_header(char* data, std::size_t, std::size_t size, void* self) {
  return static_cast<Transfer*>(self)->take_header({data, size}) ? size : 0;
}

bool Transfer::take_header(std::string_view line) {
  m_header_bytes += line.size(); // libcurl keeps them all, and bounds only those before the body
  if (m_header_bytes > k_most_header_bytes) {
    return stop(HttpOutcome::refused, "the server sends headers without end");
  }
  if (line.starts_with("HTTP/")) { // a new response: after a redirect, or after 100 Continue
    m_etag.clear();
    m_modified.clear();
    m_content_range.clear();
    m_retry_after.reset();
    m_answer.note(m_easy);
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return true;
  }
  const std::string name = lower_case(line.substr(0, colon));
  const std::string value(trim(line.substr(colon + 1)));
  if (name == "etag") {
    m_etag = value;
  } else if (name == "last-modified") {
    m_modified = value;
  } else if (name == "content-range") {
    m_content_range = value;
  } else if (name == "retry-after") { // libcurl does not look at a proxy's answer to CONNECT
    m_retry_after = pause_of(value);
  } else if (name == "location" && m_is_written_off(host_of(value))) {
    stop(HttpOutcome::unreachable,
         format("it redirects to {}, which could not be reached before", host_of(value)));
    m_own_result->host = host_of(value);
    m_own_result->retry = HttpResult::Retry::is_pointless;
    m_own_result->whom = UnreachableHosts::For::this_run;
    m_own_result->redirected = true;
    return false;
  }
  return true;
}

std::size_t Transfer::on_body(char* data, std::size_t, std::size_t size, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  const bool stored =
      (transfer.m_body_begun || transfer.begin_body()) && transfer.store({data, size});
  return stored ? size : 0; // 0 makes libcurl end with CURLE_WRITE_ERROR
}

// Decides, by the head of the response, where its body belongs in the file.
bool Transfer::begin_body() {
  m_body_begun = true;
  long status = 0;
  curl_off_t length = -1;
  curl().easy_getinfo(m_easy, CURLINFO_RESPONSE_CODE, &status);
  curl().easy_getinfo(m_easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  const bool from_file = status == 0;
  const bool weak = m_etag.starts_with("W/"); // promises less than the same bytes
  bool restart = false;
  if (m_request.offset > 0 && status == 206) {
    const bool other_file =
        m_request.validator.starts_with('"') && !m_etag.empty() && m_etag != m_request.validator;
    if (other_file || !m_content_range.starts_with(format("bytes {}-", m_request.offset))) {
      return stop(HttpOutcome::not_resumable, "the server answered with another range");
    }
    m_position = m_request.offset;
  } else if (status == 200 || from_file) {
    restart = m_request.offset > 0;
    if (restart && ::ftruncate(m_request.fd, 0) < 0) {
      return stop(HttpOutcome::unwritable, std::strerror(errno));
    }
  } else {
    return stop(HttpOutcome::refused, format("unexpected HTTP status {}", status));
  }
  const std::uint64_t to_come = length < 0 ? 0 : static_cast<std::uint64_t>(length);
  if (m_position + to_come > m_request.largest) {
    return stop(HttpOutcome::too_large, format_size(m_position + to_come));
  }
  if (!has_room(to_come)) {
    return false;
  }
  // What would take more than a day is as good as stalled.
  const long rate = static_cast<long>(to_come / k_seconds_of_a_day);
  curl().easy_setopt(m_easy, CURLOPT_LOW_SPEED_LIMIT, std::max(k_slow_bytes_per_second, rate));
  {
    const std::lock_guard guard(m_mutex);
    m_progress.bytes = m_position;
    m_progress.restarts += restart ? 1 : 0;
    m_progress.total = length < 0 ? 0 : m_position + to_come;
  }
  if (m_request.on_validator) {
    m_request.on_validator(!m_etag.empty() && !weak ? m_etag : m_modified);
  }
  return true;
}

// The disk is left with some room for others. It is looked at before a body, whose length may be
// unknown, and then again and again, for others write too.
bool Transfer::has_room(std::uint64_t bytes) {
  constexpr std::uint64_t k_reserve = 64ULL << 20;
  struct statvfs disk;
  if (::fstatvfs(m_request.fd, &disk) < 0 || disk.f_blocks == 0) {
    return true;
  }
  const std::uint64_t free = std::uint64_t(disk.f_bavail) * disk.f_frsize;
  const std::uint64_t whole = std::uint64_t(disk.f_blocks) * disk.f_frsize;
  const std::uint64_t reserve = std::min(k_reserve, whole / 100);
  if (free >= bytes + reserve) {
    m_next_look = m_position + std::min(k_reserve, free - reserve) / 2;
    return true;
  }
  return stop(HttpOutcome::unwritable,
              format("{} ({} to come, {} free)", std::strerror(ENOSPC),
                     bytes > 0 ? format_size(bytes) : "more", format_size(free)));
}

bool Transfer::store(std::string_view bytes) {
  if (bytes.size() > m_request.largest - std::min(m_request.largest, m_position)) {
    return stop(HttpOutcome::too_large, "more than " + format_size(m_request.largest));
  }
  if (m_position + bytes.size() > m_next_look && !has_room(bytes.size())) {
    return false;
  }
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(m_request.fd, bytes.data(), bytes.size(), static_cast<off_t>(m_position));
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return stop(HttpOutcome::unwritable, std::strerror(errno));
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
    m_position += static_cast<std::uint64_t>(count);
  }
  const std::lock_guard guard(m_mutex);
  m_progress.bytes = m_position;
  m_changed.notify_one();
  return true;
}

bool Transfer::stop(HttpOutcome outcome, std::string reason) {
  m_own_result = HttpResult{outcome, std::move(reason), {}};
  return false;
}

HttpResult Transfer::finish(CURLcode code) {
  if (code == CURLE_OK && !m_body_begun) { // an empty body
    begin_body();
  }
  const HttpResult result =
      m_own_result
          ? *m_own_result
          : verdict_on({m_easy, code, m_error_text.data(), m_answer, m_retry_after}, m_request);
  end(result);
  return result;
}

void Transfer::end(HttpResult result) {
  const std::lock_guard guard(m_mutex);
  m_result = std::move(result);
  // Under the lock: the waiter may destroy this object as soon as it can take it.
  m_changed.notify_one();
}

HttpProgress Transfer::wait_for_more(HttpProgress seen) {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [&] {
    return m_result || m_progress.bytes != seen.bytes || m_progress.restarts != seen.restarts;
  });
  return m_progress;
}

std::optional<HttpResult> Transfer::result() const {
  const std::lock_guard guard(m_mutex);
  return m_result;
}

void Transfer::release() {
  const std::lock_guard guard(m_mutex);
  m_released = true;
  m_changed.notify_one();
}

void Transfer::wait_for_release() {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [&] { return m_released; });
}

} // namespace qt
