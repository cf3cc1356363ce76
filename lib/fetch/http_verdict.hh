// What the end of a transfer means for who asked: sorts libcurl's codes and the statuses of HTTP by
// what to do next. The tables are RFC 9110's and those of libcurl's errors page.
#pragma once

#include "fetch/curl.hh"
#include "fetch/http_message.hh"

namespace qt {

// `easy` has ended with `code`; `error_text` is what libcurl wrote for people, or empty.
HttpResult verdict_on(CURL* easy, CURLcode code, const char* error_text,
                      const HttpRequest& request);

} // namespace qt
