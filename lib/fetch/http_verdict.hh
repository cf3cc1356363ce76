// What the end of a transfer means for who asked: sorts libcurl's codes and the statuses of HTTP by
// what to do next. The tables are RFC 9110's and those of libcurl's errors page.
#pragma once

#include "fetch/curl.hh"
#include "fetch/http_message.hh"

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

// `easy` has ended with `code`; `error_text` is what libcurl wrote for people, or empty;
// `retry_after` is what the last answer, of a server or a proxy, asked for.
struct TransferEnd {
  CURL* easy;
  CURLcode code;
  const char* error_text;
  const LastAnswer& answer;
  std::optional<Duration> retry_after;
};
HttpResult verdict_on(const TransferEnd& end, const HttpRequest& request);

} // namespace qt
