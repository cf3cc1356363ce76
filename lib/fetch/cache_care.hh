// What qt-fetch does with the cache besides filling it: list, verify, prune, export, import. Says
// on `print` what programs read, a line for each file, and by log.hh what people read.
#pragma once

#include "base/error.hh"
#include "cache/cache.hh"
#include "cache/cache_copy.hh"
#include "cache/inventory.hh"
#include "fetch/fetch_run.hh"
#include "fetch/wanted.hh"

#include <optional>
#include <vector>

namespace qt {

// Those of definitions; nothing if there are no definitions, which is not the same as none.
using WantedAssets = std::optional<std::vector<WantedAsset>>;

// The files of the cache and of those below it: last use, size, digest, URL and, where there are
// definitions, which of them use it, and what they want that is not there.
ExitCode list_assets(const Cache& cache, const WantedAssets& wanted, const AssetOutput& output);

// Hashes all. failed if a file is wrong, internal if one cannot be read.
ExitCode verify_assets(const Cache& cache, const AssetOutput& output);

// Keeps what is in `kept` besides what `rules` keep.
ExitCode prune_assets(const Cache& cache, PruneRules rules, const WantedAssets& kept,
                      const AssetOutput& output);

// The assets that are `wanted` (all, without definitions) from one cache into another
// (cache_copy.hh). failed if one is wrong, absent if one is not there. `to` must be another folder:
// Error(usage).
ExitCode copy_assets(const Cache& from, const Cache& to, Trust trust, const WantedAssets& wanted,
                     const AssetOutput& output);

} // namespace qt
