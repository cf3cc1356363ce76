#include "fetch/fetch_run.hh"

#include "base/log.hh"
#include "data/url.hh"
#include "fetch/fetch_report.hh"
#include "fetch/progress.hh"
#include "os/file.hh"

#include <set>

namespace qt {

namespace {

void report(std::span<const WantedAsset> wanted, std::span<const Fetched> results,
            const FetchRun& run, const AssetOutput& output) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (output.form == AssetOutput::Form::json) {
      output.print(dump_json(outcome_as_json(wanted[i], results[i])));
    } else if (results[i].there() && !run.stamp) {
      output.print(results[i].path);
    }
  }
  // The one asset that a user asked for is an error; a part of many may be missing.
  const bool tolerated = run.unavailable == FetchRun::Unavailable::tolerated &&
                         (run.stamp || run.account == FetchRun::Account::yes);
  for (const MissingGroup& group : group_missing(wanted, results)) {
    const bool warns = tolerated && group.outcome == FetchOutcome::unavailable;
    (warns ? log_warning : log_error)(group.heading);
    for (const std::string& asset : group.assets) {
      (warns ? log_note : log_plain)("  " + asset);
    }
  }
  if (run.account == FetchRun::Account::yes && !run.stamp) {
    log_note(count_outcomes(results));
  }
}

std::vector<Fetched> fetch_with_progress(Fetcher& fetcher, std::span<const AssetSource> sources,
                                         std::span<const WantedAsset> wanted, const FetchRun& run) {
  std::vector<std::string> names;
  for (const AssetSource& source : sources) {
    names.push_back(display_url(source.urls.at(0)));
  }
  Progress progress(std::move(names));
  std::set<std::string> told;
  return fetcher.fetch_all(
      sources, static_cast<unsigned>(run.jobs),
      [&](std::size_t i, const Fetched& result) {
        progress.finished(i);
        // What needed no transfer, there or forbidden, is in the summary only.
        const bool tried =
            result.outcome == FetchOutcome::downloaded || result.cause != Downloaded::Cause::none;
        const bool is_news = result.there() || told.insert(result.group).second;
        // With a stamp there are few, and what is missing is about to be told.
        const bool told_twice = run.stamp && !result.there();
        if (run.account == FetchRun::Account::yes && tried && is_news && !told_twice) {
          log_note(finished_line(wanted[i], result));
        }
      },
      [&](std::size_t i, const HttpProgress& state) {
        progress.moved(i, state.bytes, state.total);
      });
}

} // namespace

ExitCode run_fetch(Fetcher& fetcher, std::span<const WantedAsset> wanted, const FetchRun& run,
                   const AssetOutput& output) {
  std::vector<AssetSource> sources;
  for (const WantedAsset& asset : wanted) {
    sources.push_back(asset.source);
  }
  const std::vector<Fetched> results = fetch_with_progress(fetcher, sources, wanted, run);
  report(wanted, results, run, output);
  const ExitCode code = exit_code_of(results);
  if (run.stamp && code == ExitCode::done) {
    write_stamp(*run.stamp);
  }
  if (code != ExitCode::absent) {
    return code;
  }
  if (run.unavailable == FetchRun::Unavailable::failure) {
    return ExitCode::failed;
  }
  return run.stamp ? ExitCode::done : code;
}

ExitCode run_fetch_uncached(const FetchOptions& options, const AssetSource& source,
                            const std::string& path, const AssetOutput& output) {
  Fetcher fetcher(options);
  Progress progress({display_url(source.urls.at(0))});
  const Fetched result = fetcher.fetch_uncached(source, path, [&](const HttpProgress& state) {
    progress.moved(0, state.bytes, state.total);
  });
  if (result.there()) {
    output.print(result.path);
  } else {
    log_error(result.reason);
  }
  return exit_code_of({&result, 1});
}

} // namespace qt
