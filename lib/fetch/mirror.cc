#include "fetch/mirror.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "data/url.hh"

#include <algorithm>

namespace qt {

namespace {

bool stands_for(const Mirror& mirror, std::string_view url) {
  const std::string_view rest =
      url.substr(std::min(url.size(), mirror.from.size())); // after the prefix
  return url.starts_with(mirror.from) &&
         (mirror.from.ends_with('/') || rest.empty() || rest.starts_with('/'));
}

// Where the "=" is that parts a rule: the one before a URL, as FROM may have some of its own.
std::size_t separator_of(std::string_view rule) {
  std::size_t at = rule.find('=');
  while (at != std::string_view::npos && !is_fetchable(rule.substr(at + 1))) {
    at = rule.find('=', at + 1);
  }
  return at;
}

} // namespace

std::vector<Mirror> parse_mirrors(std::string_view rules) {
  std::string spaced(rules);
  std::replace_if(
      spaced.begin(), spaced.end(), [](char c) { return c == '\t' || c == '\n'; }, ' ');
  std::vector<Mirror> mirrors;
  for (const std::string& rule : split(spaced, ' ')) {
    if (rule.empty()) {
      continue;
    }
    const std::size_t at = separator_of(rule);
    if (at == std::string::npos || !is_fetchable(rule.substr(0, at))) {
      throw Error(format("QEMU_TEST_MIRRORS: rule {} is not FROM=TO with two beginnings of http, "
                         "https or file URLs, such as https://a.example/=https://cache.example/a/",
                         mirrors.size() + 1),
                  ExitCode::usage);
    }
    mirrors.push_back({rule.substr(0, at), rule.substr(at + 1)});
  }
  return mirrors;
}

std::vector<Mirror> mirrors_of_environment() {
  return parse_mirrors(env::text("QEMU_TEST_MIRRORS"));
}

std::vector<Candidate> with_mirrors(std::span<const std::string> urls,
                                    std::span<const Mirror> mirrors) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < urls.size(); ++i) {
    for (const Mirror& mirror : mirrors) {
      if (stands_for(mirror, urls[i])) {
        candidates.push_back({mirror.to + urls[i].substr(mirror.from.size()), i});
      }
    }
  }
  for (std::size_t i = 0; i < urls.size(); ++i) {
    candidates.push_back({urls[i], i});
  }
  return candidates;
}

} // namespace qt
