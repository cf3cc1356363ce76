// A run of qt-fetch: fetches what is wanted, says on `print` what programs read and by log.hh what
// people read, writes the stamp of a build system, and knows how the program should end.
#pragma once

#include "base/error.hh"
#include "fetch/fetch.hh"
#include "fetch/fetch_report.hh"
#include "fetch/wanted.hh"

#include <optional>
#include <span>
#include <string>

namespace qt {

struct FetchRun {
  int jobs = 8; // assets at a time
  // Written, empty, when all is there. With it something that is unavailable now is a warning only
  // and paths are not printed: build systems show what a program prints.
  std::optional<std::string> stamp;
  enum class Unavailable { tolerated, failure } unavailable = Unavailable::tolerated;
  // For many assets: a line for each that came and for the first that each cause kept away, and a
  // summary.
  enum class Account { no, yes } account = Account::no;
};

// Gives done, absent or failed (fetch_report.hh, exit_code_of) as `run` bends it. Errors as
// Fetcher::fetch().
ExitCode run_fetch(Fetcher& fetcher, std::span<const WantedAsset> wanted, const FetchRun& run,
                   const AssetOutput& output);

// Past the cache, which is not asked for: it may not even have a place. Fetcher::fetch_uncached().
ExitCode run_fetch_uncached(const FetchOptions& options, const AssetSource& source,
                            const std::string& path, const AssetOutput& output);

} // namespace qt
