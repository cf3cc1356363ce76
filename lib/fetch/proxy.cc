#include "fetch/proxy.hh"

#include "base/environment.hh"
#include "base/text.hh"
#include "data/url.hh"

#include <algorithm>

namespace qt {

namespace {

std::string first_set(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = env::text(name); !value.empty()) {
      return value;
    }
  }
  return "";
}

// Upper case does not count for http: a CGI program's caller may set HTTP_PROXY.
std::string variable_for(std::string_view url) {
  if (lower_case(url.substr(0, 8)) == "https://") {
    return first_set({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  }
  return lower_case(url.substr(0, 7)) == "http://"
             ? first_set({"http_proxy", "all_proxy", "ALL_PROXY"})
             : "";
}

bool is_address(std::string_view host) {
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// Whether `host` is, or is below, a name of no_proxy; true too where only libcurl can tell.
bool is_exempt(std::string_view host, std::string list) {
  if (list == "*") {
    return true;
  }
  std::replace(list.begin(), list.end(), ',', ' ');
  for (const std::string& entry : split(list, ' ')) {
    std::string_view name = entry;
    if (name.find('/') != std::string_view::npos && is_address(host)) {
      return true;
    }
    name.remove_prefix(name.starts_with('.') ? 1 : 0);
    name.remove_suffix(name.ends_with('.') ? 1 : 0);
    const bool ends = !name.empty() && host.ends_with(lower_case(name));
    if (ends && (host.size() == name.size() ||
                 (!is_address(host) && host[host.size() - name.size() - 1] == '.'))) {
      return true;
    }
  }
  return false;
}

} // namespace

std::string proxy_of(std::string_view url) {
  const std::string value = variable_for(url);
  if (value.empty() || is_loopback(url)) {
    return "";
  }
  std::string host = host_of(url);
  const std::size_t port = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  host = host.substr(0, port);
  if (is_exempt(host, first_set({"no_proxy", "NO_PROXY"}))) {
    return "";
  }
  return host_of(value.find("://") == std::string::npos ? "http://" + value : value);
}

} // namespace qt
