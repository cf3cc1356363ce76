// What qt-fetch says about the assets of a run: for people, a line for each as it ends and a
// summary with who is left without; for programs, one JSON line for each.
#pragma once

#include "exit_code.hh"
#include "json.hh"
#include "wanted.hh"

#include <span>
#include <string>
#include <vector>

namespace qt {

// "12 cached, 3 downloaded, 1 unavailable, 1 failed", the last two only if there are any.
std::string count_outcomes(std::span<const Fetched> results);

// Why the asset is not there, and "(needed by …)" if that is known. One line.
std::string missing_line(const WantedAsset& wanted, const Fetched& result);
// "downloaded URL (12.5 MiB)", "unavailable URL": what became of it, for the moment when it ends.
std::string finished_line(const WantedAsset& wanted, const Fetched& result);

// {"digest", "urls", "outcome", "path", "size" (if there), "reason", "cause" (if not),
// "definitions", "tests"}; the outcome is "cached", "downloaded", "unavailable" or "failed", the
// cause "offline" (downloads are forbidden), "transient", "corrupt", "refused" or "gone".
Json outcome_as_json(const WantedAsset& wanted, const Fetched& result);

// failed if anything failed, else absent if anything is unavailable, else done.
ExitCode exit_code_of(std::span<const Fetched> results);

} // namespace qt
