// What definitions, or the words of a command line, want from the cache: their assets that have
// URLs, each once, with who needs it. Assets that the user or the host supplies are none of this
// module's business.
#pragma once

#include "definition/slice.hh"
#include "fetch/fetch.hh"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace qt {

struct WantedAsset {
  AssetSource source;
  std::vector<std::string> definitions; // paths as given
  std::vector<std::string> tests;       // "ARCH/FILE.SUBTEST", as the run directories are named
};

// The assets of the definitions in the order of their files, each digest once: the URLs of all who
// name it, tried in that order. `only`: the name of those that are wanted; empty: all. With a
// slice, made with the durations, only the assets of its definitions. Throws Error(ExitCode::usage)
// for a mistake in a definition, or if none has that name.
std::vector<WantedAsset> wanted_assets(std::span<const std::string> definitions,
                                       const std::string& only = "",
                                       std::optional<Slice> slice = std::nullopt,
                                       const Durations& durations = {});

// "URL... DIGEST" as a user types it. Throws Error(ExitCode::usage) for anything else.
WantedAsset wanted_asset(std::span<const std::string> words);

} // namespace qt
