// A run of qt-fetch: fetches what is wanted, says on `print` what programs read and by log.hh what
// people read, writes the stamp of a build system, and knows how the program should end.
//
// Programs get one JSON line for each asset; people a line for each as it ends, a summary with who
// is left without, and on a terminal where the transfers stand: a line for each that is under way
// and one for all, redrawn in place several times a second. On anything else that is silent. No
// colours, so NO_COLOR has nothing to forbid; no cursor control where TERM is "dumb" or unset.
#pragma once

#include "base/duration.hh"
#include "base/error.hh"
#include "data/json.hh"
#include "fetch/fetch.hh"
#include "fetch/wanted.hh"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
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

// {"digest", "urls", "outcome", "path", "size" (if there), "reason", "cause" (if not),
// "definitions", "tests"}; the outcome is "cached", "downloaded", "unavailable" or "failed", the
// cause "offline" (downloads are forbidden), "transient", "corrupt", "refused" or "gone".
Json outcome_as_json(const WantedAsset& wanted, const Fetched& result);

// failed if anything failed, else absent if anything is unavailable, else done.
ExitCode exit_code_of(std::span<const Fetched> results);

// Bytes per second of late: what came in the last seconds counts, what came before fades.
class Rate {
public:
  // What the counter stands at now. The first sample is where it starts, also after a step back.
  void sample(std::uint64_t bytes, Clock::time_point now);
  double bytes_per_second() const { return m_rate; }

private:
  bool m_begun = false;
  std::uint64_t m_bytes = 0;
  Clock::time_point m_at;
  double m_rate = 0;
};

// What is shown of the transfers, without the showing.
class ProgressBoard {
public:
  // `names`: of all that is wanted, in any bytes.
  explicit ProgressBoard(std::vector<std::string> names);

  // Transfer `i` has `bytes` of `total` (0: unknown).
  void moved(std::size_t i, std::uint64_t bytes, std::uint64_t total);
  // No transfer any more, or never one: it was there.
  void finished(std::size_t i);
  // At most `rows` lines of at most `columns` characters, the total last; none if nothing is under
  // way.
  std::vector<std::string> lines(Clock::time_point now, std::size_t rows, std::size_t columns);

private:
  struct Transfer {
    std::uint64_t first = 0; // what was there before this run
    std::uint64_t bytes = 0;
    std::uint64_t total = 0;
    Rate rate;
  };
  std::string total_line() const;

  std::vector<std::string> m_names;
  std::map<std::size_t, Transfer> m_active;
  std::size_t m_finished = 0;
  std::uint64_t m_finished_bytes = 0; // that came in this run
  Rate m_rate;
};

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

// Gives done, absent or failed (exit_code_of()) as `run` bends it. Errors as Fetcher::fetch().
ExitCode run_fetch(Fetcher& fetcher, std::span<const WantedAsset> wanted, const FetchRun& run,
                   const AssetOutput& output);

// Past the cache, which is not asked for: it may not even have a place. Fetcher::fetch_uncached().
// Results as of run_fetch().
ExitCode run_fetch_uncached(const FetchOptions& options, const WantedAsset& wanted,
                            const std::string& path, const FetchRun& run,
                            const AssetOutput& output);

} // namespace qt
