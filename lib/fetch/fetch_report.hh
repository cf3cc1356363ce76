// What qt-fetch says about the assets of a run: for people, a line for each as it ends and a
// summary with who is left without; for programs, one JSON line for each.
#pragma once

#include "base/error.hh"
#include "data/json.hh"
#include "fetch/wanted.hh"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace qt {

struct AssetOutput {
  enum class Form {
    text,
    json, // one object a line
  };
  std::function<void(const std::string& line)> print;
  Form form = Form::text;
};

// "12 cached, 3 downloaded, 1 unavailable, 1 failed", the last two only if there are any.
std::string count_outcomes(std::span<const Fetched> results);

// Why the asset is not there, and "(needed by …)" if that is known. One line.
std::string missing_line(const WantedAsset& wanted, const Fetched& result);

// The assets that one cause keeps away, so that a server that is down is told of once.
struct MissingGroup {
  FetchOutcome outcome = FetchOutcome::unavailable; // or failed
  // missing_line() of one, else "58 assets unavailable: Could not resolve host: …"
  std::string heading;
  // Of several, each: what it is called (all of the URL if it failed: somebody has to look) and who
  // needs it.
  std::vector<std::string> assets;
};
// In the order of the first of each. `results` are those of `wanted`, one by one.
std::vector<MissingGroup> group_missing(std::span<const WantedAsset> wanted,
                                        std::span<const Fetched> results);
// "downloaded URL (12.5 MiB)", "unavailable URL": what became of it, for the moment when it ends.
std::string finished_line(const WantedAsset& wanted, const Fetched& result);

// {"digest", "urls", "outcome", "path", "size" (if there), "reason", "cause" (if not),
// "definitions", "tests"}; the outcome is "cached", "downloaded", "unavailable" or "failed", the
// cause "offline" (downloads are forbidden), "transient", "corrupt", "refused" or "gone".
Json outcome_as_json(const WantedAsset& wanted, const Fetched& result);

// failed if anything failed, else absent if anything is unavailable, else done.
ExitCode exit_code_of(std::span<const Fetched> results);

} // namespace qt
