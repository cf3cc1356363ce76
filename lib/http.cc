#include "http.hh"

#include "error.hh"
#include "text.hh"
#include "url.hh"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <curl/curl.h>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <vector>

namespace qt {

namespace {

constexpr long k_buffer_bytes = 512L << 10; // the most that libcurl hands over at once
constexpr long k_slow_bytes_per_second = 1024;
constexpr long k_redirects = 10;

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
  default:
    return HttpOutcome::transient;
  }
}

template<typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code != CURLE_OK) {
    throw Error(format("preparing a download: libcurl: {}", curl_easy_strerror(code)));
  }
}

// One transfer, on the stack of the get() that waits for it. The client's thread works on it from
// the moment when it is handed over until it has a result.
class Transfer {
public:
  Transfer(const HttpRequest& request, const HttpLimits& limits);
  ~Transfer() {
    curl_easy_cleanup(m_easy);
    curl_slist_free_all(m_headers);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return m_easy; }

  // --- on the client's thread
  void finish(CURLcode code);
  // Says that the client's thread will not touch this object again after it was told to let go.
  void release() {
    const std::lock_guard guard(m_mutex);
    m_released = true;
    m_changed.notify_one();
  }

  // --- on the waiting thread
  // Blocks until there is more than `seen`, or the end.
  HttpProgress wait_for_more(HttpProgress seen);
  std::optional<HttpResult> result() const {
    const std::lock_guard guard(m_mutex);
    return m_result;
  }
  void wait_for_release() {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [&] { return m_released; });
  }

private:
  static std::size_t on_header(char* data, std::size_t one, std::size_t size, void* self);
  static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* self);
  bool begin_body();
  bool store(std::string_view bytes);
  bool stop(HttpOutcome outcome, std::string reason) {
    m_own_result = HttpResult{outcome, std::move(reason), {}};
    return false;
  }
  void end(HttpResult result);
  std::string without_secrets(std::string text) const;

  const HttpRequest& m_request;
  CURL* m_easy;
  curl_slist* m_headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> m_error_text{};

  // Of the latest response; only the client's thread looks at these.
  std::string m_etag;
  std::string m_modified;
  std::string m_content_range;
  bool m_body_begun = false;
  std::uint64_t m_position = 0;
  std::optional<HttpResult> m_own_result; // why a callback made libcurl stop

  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  HttpProgress m_progress;
  std::optional<HttpResult> m_result;
  bool m_released = false;
};

Transfer::Transfer(const HttpRequest& request, const HttpLimits& limits)
  : m_request(request)
  , m_easy(curl_easy_init()) {
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
  set(m_easy, CURLOPT_FOLLOWLOCATION, 1L);
  set(m_easy, CURLOPT_MAXREDIRS, k_redirects);
  set(m_easy, CURLOPT_FAILONERROR, 1L);
  set(m_easy, CURLOPT_NETRC, long(CURL_NETRC_OPTIONAL));
  set(m_easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(m_easy, CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_2TLS));
  set(m_easy, CURLOPT_PIPEWAIT, 1L);
  set(m_easy, CURLOPT_BUFFERSIZE, k_buffer_bytes);
  set(m_easy, CURLOPT_CONNECTTIMEOUT_MS, long(limits.connect.count()));
  set(m_easy, CURLOPT_LOW_SPEED_LIMIT, k_slow_bytes_per_second);
  set(m_easy, CURLOPT_LOW_SPEED_TIME, std::max(1L, long((limits.stall.count() + 999) / 1000)));
  set(m_easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(m_easy, CURLOPT_HEADERDATA, this);
  set(m_easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(m_easy, CURLOPT_WRITEDATA, this);
  if (is_loopback(request.url)) {
    set(m_easy, CURLOPT_PROXY, "");
  }
  m_headers = curl_slist_append(m_headers, "Accept-Encoding: identity");
  if (request.offset > 0) {
    // Not CURLOPT_RESUME_FROM: that makes a full answer an error, and here it is just a restart.
    m_headers = curl_slist_append(m_headers, format("Range: bytes={}-", request.offset).c_str());
    if (!request.validator.empty()) {
      m_headers = curl_slist_append(m_headers, ("If-Range: " + request.validator).c_str());
    }
  }
  set(m_easy, CURLOPT_HTTPHEADER, m_headers);
}

std::size_t Transfer::on_header(char* data, std::size_t, std::size_t size, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) { // a new response: after a redirect, or after 100 Continue
    transfer.m_etag.clear();
    transfer.m_modified.clear();
    transfer.m_content_range.clear();
    return size;
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    const std::string name = lower_case(line.substr(0, colon));
    const std::string value(trim(line.substr(colon + 1)));
    if (name == "etag") {
      transfer.m_etag = value;
    } else if (name == "last-modified") {
      transfer.m_modified = value;
    } else if (name == "content-range") {
      transfer.m_content_range = value;
    }
  }
  return size;
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
  curl_easy_getinfo(m_easy, CURLINFO_RESPONSE_CODE, &status);
  const bool from_file = status == 0;
  const bool weak = m_etag.starts_with("W/"); // promises less than the same bytes
  if (m_request.offset > 0 && status == 206) {
    const bool other_file =
        m_request.validator.starts_with('"') && !m_etag.empty() && m_etag != m_request.validator;
    if (other_file || !m_content_range.starts_with(format("bytes {}-", m_request.offset))) {
      return stop(HttpOutcome::not_resumable, "the server answered with another range");
    }
    m_position = m_request.offset;
  } else if (status == 200 || from_file) {
    if (m_request.offset > 0) {
      if (::ftruncate(m_request.fd, 0) < 0) {
        return stop(HttpOutcome::unwritable, std::strerror(errno));
      }
      const std::lock_guard guard(m_mutex);
      m_progress = {0, m_progress.restarts + 1};
    }
  } else {
    return stop(HttpOutcome::refused, format("unexpected HTTP status {}", status));
  }
  if (m_request.on_validator) {
    m_request.on_validator(!m_etag.empty() && !weak ? m_etag : m_modified);
  }
  return true;
}

bool Transfer::store(std::string_view bytes) {
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

void Transfer::finish(CURLcode code) {
  if (code == CURLE_OK && !m_body_begun) { // an empty body
    begin_body();
  }
  if (m_own_result) {
    end(*m_own_result);
    return;
  }
  if (code == CURLE_OK) {
    end({});
    return;
  }
  HttpResult result;
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    long status = 0;
    curl_off_t wait = 0;
    curl_easy_getinfo(m_easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(m_easy, CURLINFO_RETRY_AFTER, &wait);
    result.outcome = outcome_of_status(status, m_request.offset);
    result.reason = format("HTTP status {}", status);
    if (wait > 0) {
      result.retry_after = std::chrono::seconds(wait);
    }
  } else {
    result.outcome = outcome_of_failure(code);
    result.reason =
        without_secrets(m_error_text[0] != '\0' ? m_error_text.data() : curl_easy_strerror(code));
  }
  end(std::move(result));
}

std::string Transfer::without_secrets(std::string text) const {
  const std::string secret = credentials_of(m_request.url);
  if (!secret.empty()) {
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;) {
      text.erase(at, secret.size());
    }
  }
  return text;
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

} // namespace

struct HttpClient::State {
  explicit State(const HttpLimits& the_limits);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void hand_over(std::vector<Transfer*>& queue, Transfer* transfer) {
    {
      const std::lock_guard guard(mutex);
      queue.push_back(transfer);
    }
    curl_multi_wakeup(multi);
  }
  void run();
  void finish_ended();

  HttpLimits limits;
  CURLM* multi;
  std::mutex mutex; // of the three below
  std::vector<Transfer*> added;
  std::vector<Transfer*> abandoned;
  bool stopping = false;
  std::thread thread;
};

HttpClient::State::State(const HttpLimits& the_limits)
  : limits(the_limits) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (multi = curl_multi_init()) == nullptr) {
    throw Error("preparing a download: libcurl cannot be initialized");
  }
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, long(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, limits.connections_per_host);
  thread = std::thread([this] { run(); });
}

HttpClient::State::~State() {
  {
    const std::lock_guard guard(mutex);
    stopping = true;
  }
  curl_multi_wakeup(multi);
  thread.join();
  curl_multi_cleanup(multi);
  curl_global_cleanup();
}

void HttpClient::State::run() {
  constexpr int k_idle_ms = 60'000; // libcurl shortens this to its own next time-out
  for (;;) {
    {
      const std::lock_guard guard(mutex);
      if (stopping) {
        return;
      }
      for (const Transfer* transfer : added) {
        curl_multi_add_handle(multi, transfer->easy());
      }
      added.clear();
      for (Transfer* transfer : abandoned) {
        if (!transfer->result()) {
          curl_multi_remove_handle(multi, transfer->easy());
        }
        transfer->release();
      }
      abandoned.clear();
    }
    int running = 0;
    curl_multi_perform(multi, &running);
    finish_ended();
    curl_multi_poll(multi, nullptr, 0, k_idle_ms, nullptr);
  }
}

void HttpClient::State::finish_ended() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) {
      continue;
    }
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    void* transfer = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    curl_multi_remove_handle(multi, easy); // before the waiter may destroy it; ends `message`
    static_cast<Transfer*>(transfer)->finish(code);
  }
}

HttpClient::HttpClient(const HttpLimits& limits)
  : m_state(std::make_unique<State>(limits)) {}

HttpClient::~HttpClient() = default;

HttpResult HttpClient::get(const HttpRequest& request,
                           const std::function<void(HttpProgress)>& follow) {
  assert(is_fetchable(request.url));
  Transfer transfer(request, m_state->limits);
  m_state->hand_over(m_state->added, &transfer);
  HttpProgress seen{request.offset, 0};
  try {
    for (;;) {
      const bool ended = transfer.result().has_value();
      const HttpProgress now = transfer.wait_for_more(seen);
      if (now.bytes != seen.bytes || now.restarts != seen.restarts) {
        seen = now;
        follow(now);
      } else if (ended) {
        break;
      }
    }
  } catch (...) {
    m_state->hand_over(m_state->abandoned, &transfer);
    transfer.wait_for_release();
    throw;
  }
  return *transfer.result();
}

} // namespace qt
