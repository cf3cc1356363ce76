#include "fetch/wanted.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "data/digest.hh"
#include "data/url.hh"
#include "definition/definition.hh"

#include <algorithm>

namespace qt {

namespace {

void add_once(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) {
    list.push_back(item);
  }
}

std::vector<std::string> tests_that_need(const Definition& definition, const std::string& asset) {
  std::vector<std::string> tests;
  for (const Subtest& subtest : definition.subtests) {
    if (assets_of(definition, subtest).contains(asset)) {
      tests.push_back(format("{}/{}.{}", definition.arch, definition.stem, subtest.name));
    }
  }
  return tests;
}

// Several definitions may want one file; what they say of it must fit.
void take_size(const std::string& path, const Asset& asset, AssetSource& source) {
  if (source.size && asset.size && source.size != asset.size) {
    throw Error(format("{}: asset '{}': its size is said to be {} bytes, and {} bytes elsewhere",
                       path, asset.name, *asset.size, *source.size),
                ExitCode::usage);
  }
  source.size = source.size ? source.size : asset.size;
}

std::vector<Definition> loaded(std::span<const std::string> paths, std::optional<Slice> slice,
                               const Durations& durations) {
  std::vector<Definition> all;
  for (const std::string& path : paths) {
    all.push_back(load_definition(path));
  }
  if (!slice) {
    return all;
  }
  std::vector<Definition> chosen;
  for (const std::size_t place : slice_of(all, *slice, durations)) {
    chosen.push_back(std::move(all[place]));
  }
  return chosen;
}

} // namespace

std::vector<WantedAsset> wanted_assets(std::span<const std::string> definitions,
                                       const std::string& only, std::optional<Slice> slice,
                                       const Durations& durations) {
  std::vector<WantedAsset> wanted;
  for (const Definition& definition : loaded(definitions, slice, durations)) {
    const std::string& path = definition.path;
    for (const auto& [name, asset] : definition.assets) {
      if (asset.urls.empty() || (!only.empty() && name != only)) {
        continue;
      }
      auto found = std::find_if(wanted.begin(), wanted.end(),
                                [&digest = asset.digest](const WantedAsset& other) {
                                  return other.source.digest == digest;
                                });
      if (found == wanted.end()) {
        wanted.push_back({{{}, asset.digest, name}, {}, {}});
        found = wanted.end() - 1;
      }
      take_size(path, asset, found->source);
      for (const std::string& url : asset.urls) {
        if (!is_fetchable(url)) {
          throw Error(
              format("{}: asset '{}': only http, https and file URLs can be fetched, not {}", path,
                     name, display_url(url)),
              ExitCode::usage);
        }
        add_once(found->source.urls, url);
      }
      add_once(found->definitions, path);
      for (const std::string& test : tests_that_need(definition, name)) {
        add_once(found->tests, test);
      }
    }
  }
  if (!only.empty() && wanted.empty()) {
    throw Error(format("{}: there is no asset '{}' with a URL", join(definitions, ", "), only),
                ExitCode::usage);
  }
  return wanted;
}

WantedAsset wanted_asset(std::span<const std::string> words) {
  if (words.size() < 2) {
    throw Error("expected a URL and a digest; see qt-fetch --help", ExitCode::usage);
  }
  WantedAsset wanted;
  wanted.source.urls.assign(words.begin(), words.end() - 1);
  for (const std::string& url : wanted.source.urls) {
    if (!is_fetchable(url)) {
      throw Error(
          format("fetching {}: only http, https and file URLs can be fetched", display_url(url)),
          ExitCode::usage);
    }
    if (const std::string mistake = url_mistake(url); !mistake.empty()) {
      throw Error(format("fetching {}: {}", display_url(url), mistake), ExitCode::usage);
    }
  }
  const std::optional<std::string> digest = parse_digest(words.back());
  if (!digest) {
    throw Error(
        format("'{}' is not a digest: 64 (SHA-256) or 128 (SHA-512) hex digits", words.back()),
        ExitCode::usage);
  }
  wanted.source.digest = *digest;
  return wanted;
}

} // namespace qt
