// One GET in the hands of libcurl: what it asks for, where its bytes go, and what came of it. Made
// and awaited by one thread, worked on by the thread that runs libcurl's loop (http.cc); nobody
// else has a use for it.
//
// What its end means for who asked: libcurl's codes and the statuses of HTTP are sorted by what to
// do next. The tables are RFC 9110's and those of libcurl's errors page.
#pragma once

#include "fetch/curl.hh"
#include "fetch/http_message.hh"

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

// What libcurl has counted so far. It counts on over redirects, so what belongs to the last host of
// a way is the difference to what it had counted when the host before it answered.
struct HopCount {
  explicit HopCount(CURL* easy);
  HopCount() = default;

  long redirects = 0;             // that were followed
  curl_off_t connected_after = 0; // to the server or proxy; 0: not
  curl_off_t sent_after = 0;      // the request; libcurl 8.23 may say it where nothing was sent
  long sent = 0;                  // bytes of all requests
};

// The last answer of a server. A proxy's to CONNECT is none.
struct LastAnswer {
  // To be told when the first line of an answer has come.
  void note(CURL* easy);

  HopCount count;
  bool any = false;
};

class Transfer {
public:
  // Whether a host has been written off; asked before a redirect to it is followed.
  using IsWrittenOff = std::function<bool(const std::string& host)>;

  // All of these outlive the object.
  Transfer(const HttpRequest& request, const HttpLimits& limits,
           const IsWrittenOff& is_written_off);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return m_easy; }
  const std::string& url() const { return m_request.url; }

  // --- on the loop's thread
  // libcurl has ended it, and does not know the handle any more. Gives what came of it. The waiting
  // thread may destroy the object from now on.
  HttpResult finish(CURLcode code);
  void finish_as(const HttpResult& result) { end(result); }
  // Says that this thread will not touch the object again after it was told to let go.
  void release();

  // --- on the waiting thread
  // Blocks until there is more than `seen`, or the end.
  HttpProgress wait_for_more(HttpProgress seen);
  std::optional<HttpResult> result() const;
  void wait_for_release();

private:
  static std::size_t on_header(char* data, std::size_t one, std::size_t size, void* self);
  static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* self);
  bool take_header(std::string_view line);
  bool begin_body();
  bool has_room(std::uint64_t bytes);
  bool store(std::string_view bytes);
  bool stop(HttpOutcome outcome, std::string reason);
  void end(HttpResult result);

  const HttpRequest& m_request;
  const IsWrittenOff& m_is_written_off;
  CURL* m_easy;
  curl_slist* m_headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> m_error_text{};

  // Of the latest response; only the loop's thread looks at these.
  std::string m_etag;
  std::string m_modified;
  std::string m_content_range;
  std::optional<Duration> m_retry_after;
  LastAnswer m_answer;
  std::size_t m_header_bytes = 0; // of all its responses and what follows the body
  bool m_body_begun = false;
  std::uint64_t m_position = 0;
  std::uint64_t m_next_look = 0;          // at the disk
  std::optional<HttpResult> m_own_result; // why a callback made libcurl stop

  mutable std::mutex m_mutex; // of what follows
  std::condition_variable m_changed;
  HttpProgress m_progress;
  std::optional<HttpResult> m_result;
  bool m_released = false;
};

} // namespace qt
