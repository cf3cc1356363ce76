#include "fetch/curl.hh"

#include "base/error.hh"

#include <array>
#include <dlfcn.h>

namespace qt {

namespace {

// Debian's libcurl with GnuTLS has a name of its own and the same functions.
constexpr std::array<const char*, 2> k_names = {"libcurl.so.4", "libcurl-gnutls.so.4"};

// https://systemd.io/ELF_DLOPEN_METADATA: what packaging tools read
#define QT_DLOPEN_NOTE                                                                             \
  R"([{"feature":"download","description":"Downloads","priority":"required",)"                     \
  R"("soname":["libcurl.so.4","libcurl-gnutls.so.4"]}])"
struct DlopenNote {
  unsigned name_bytes = sizeof name;
  unsigned content_bytes = sizeof content;
  unsigned type = 0x407c0c0a;
  alignas(4) char name[4] = "FDO";
  alignas(4) char content[sizeof QT_DLOPEN_NOTE] = QT_DLOPEN_NOTE;
};
[[gnu::used, gnu::section(".note.dlopen")]] alignas(4) constexpr DlopenNote k_note;

Error cannot_load(const std::string& why) {
  return Error(
      format("preparing a download: loading libcurl: {}; install libcurl 7.68 or newer", why));
}

void* open_library() {
  std::string why;
  for (const char* name : k_names) {
    if (void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
      return library;
    }
    why = why.empty() ? ::dlerror() : why;
  }
  throw cannot_load(why);
}

template<typename Function>
void look_up(void* library, const char* name, Function& function) {
  void* const symbol = ::dlsym(library, name);
  if (symbol == nullptr) {
    throw cannot_load(::dlerror());
  }
  function = reinterpret_cast<Function>(symbol);
}

Curl load() {
  void* const library = open_library();
  Curl functions;
#define QT_LOOK_UP(name) look_up(library, "curl_" #name, functions.name);
  QT_CURL_FUNCTIONS(QT_LOOK_UP)
#undef QT_LOOK_UP
  return functions;
}

} // namespace

const Curl& curl() {
  static const Curl functions = load();
  return functions;
}

} // namespace qt
