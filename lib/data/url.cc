#include "data/url.hh"

#include "base/secrets.hh"
#include "base/text.hh"

#include <utility>

namespace qt {

namespace {

std::string scheme_of(std::string_view url) {
  const std::size_t end = url.find("://");
  return end == std::string_view::npos ? "" : lower_case(url.substr(0, end));
}

// Where "user:password@" stands in a URL; both ends the same if there is none.
std::pair<std::size_t, std::size_t> user_part(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::string_view authority = url.substr(start, url.find_first_of("/?#", start) - start);
  const std::size_t at = authority.rfind('@');
  return {start, at == std::string_view::npos ? start : start + at + 1};
}

} // namespace

bool is_fetchable(std::string_view url) {
  const std::string scheme = scheme_of(url);
  return scheme == "http" || scheme == "https" || scheme == "file";
}

std::string host_of(std::string_view url) {
  if (url.find("://") == std::string_view::npos) {
    return "";
  }
  const std::string_view rest = url.substr(user_part(url).second);
  return lower_case(rest.substr(0, rest.find_first_of("/?#")));
}

bool is_loopback(std::string_view url) {
  std::string host = host_of(url);
  if (host.starts_with("[::1]")) {
    return true;
  }
  host = host.substr(0, host.find(':'));
  return host == "localhost" || host.starts_with("127.");
}

std::string display_url(std::string_view url) { return without_secrets(url); }

} // namespace qt
