// libcurl, loaded when the first download needs it; the only includer of its headers.
//
// Not linked, because libcurl and the three dozen libraries that it needs cost 3 ms at every start,
// and most runs of qt-fetch find everything in the cache. The functions are checked against its
// headers by the compiler and looked up by name in libcurl.so.4, a name that has meant one ABI
// since 2006. The program says so in a .note.dlopen (the ELF dlopen metadata that systemd defined
// and the distributions' packaging tools read), so that a package gets the dependency it would have
// by linking.
#pragma once

#include <curl/curl.h>

namespace qt {

// What is used of it: X(name) for each curl_name().
// clang-format off
#define QT_CURL_FUNCTIONS(X) \
  X(global_init) X(global_cleanup) X(getdate) \
  X(easy_init) X(easy_cleanup) X(easy_setopt) X(easy_getinfo) X(easy_strerror) \
  X(slist_append) X(slist_free_all) \
  X(multi_init) X(multi_cleanup) X(multi_add_handle) X(multi_remove_handle) \
  X(multi_perform) X(multi_poll) X(multi_wakeup) X(multi_info_read)
// clang-format on

struct Curl {
#define QT_DECLARE(name) decltype(&::curl_##name) name;
  QT_CURL_FUNCTIONS(QT_DECLARE)
#undef QT_DECLARE
};

// Loads libcurl at the first call; it stays loaded. Throws Error if it is not there or is older
// than 7.68.
const Curl& curl();

} // namespace qt
