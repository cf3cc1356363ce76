#include "data/url.hh"

#include "base/format.hh"
#include "base/secrets.hh"
#include "base/text.hh"

#include <algorithm>
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

std::string file_url(std::string_view path) {
  constexpr std::string_view k_plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~";
  std::string url = "file://";
  for (const char letter : path) {
    url += k_plain.find(letter) != std::string_view::npos
               ? std::string(1, letter)
               : format("%{:02X}", static_cast<unsigned char>(letter));
  }
  return url;
}

std::optional<std::string> path_of_file_url(std::string_view url) {
  if (scheme_of(url) != "file") {
    return std::nullopt;
  }
  url.remove_prefix(std::min(url.find('/', std::string_view("file://").size()), url.size()));
  return percent_decoded(url.substr(0, url.find_first_of("?#")));
}

std::string url_mistake(std::string_view url) {
  for (const char letter : url) {
    if (static_cast<unsigned char>(letter) <= ' ' || letter == '\x7f') {
      return letter == ' ' ? "a blank in a URL is written %20"
                           : "a control character in a URL is written %0A (for a line end)";
    }
  }
  const std::string host = scheme_of(url) == "file" ? "" : host_of(url);
  const std::size_t colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  if (colon != std::string::npos &&
      host.find_first_not_of("0123456789", colon + 1) != std::string::npos) {
    return "what stands after the ':' of its host is no port; in a password '/' is written %2F, "
           "'?' %3F, '#' %23 and '@' %40";
  }
  return "";
}

std::string display_url(std::string_view url) {
  std::string shown;
  for (const char letter : url) {
    const bool ends_a_url = std::string_view(" \t\r\n\"<>`").find(letter) != std::string_view::npos;
    shown +=
        ends_a_url ? format("%{:02X}", static_cast<unsigned char>(letter)) : std::string(1, letter);
  }
  return without_secrets(shown);
}

} // namespace qt
