#include "fetch_report.hh"

#include "format.hh"
#include "text.hh"
#include "url.hh"

#include <algorithm>
#include <array>
#include <sys/stat.h>

namespace qt {

namespace {

constexpr std::array<std::string_view, 4> k_outcome_names = {"cached", "downloaded", "unavailable",
                                                             "failed"};

// As Downloaded::Cause; without one nobody was asked.
constexpr std::array<std::string_view, 5> k_cause_names = {"offline", "transient", "corrupt",
                                                           "refused", "gone"};

std::size_t count(std::span<const Fetched> results, FetchOutcome outcome) {
  return static_cast<std::size_t>(
      std::count_if(results.begin(), results.end(),
                    [&](const Fetched& result) { return result.outcome == outcome; }));
}

} // namespace

std::string count_outcomes(std::span<const Fetched> results) {
  std::string text = format("{} cached, {} downloaded", count(results, FetchOutcome::cached),
                            count(results, FetchOutcome::downloaded));
  for (const FetchOutcome outcome : {FetchOutcome::unavailable, FetchOutcome::failed}) {
    if (const std::size_t number = count(results, outcome)) {
      text += format(", {} {}", number, k_outcome_names[static_cast<std::size_t>(outcome)]);
    }
  }
  return text;
}

std::string missing_line(const WantedAsset& wanted, const Fetched& result) {
  return wanted.tests.empty()
             ? result.reason
             : format("{} (needed by {})", result.reason, join(wanted.tests, ", "));
}

std::string finished_line(const WantedAsset& wanted, const Fetched& result) {
  const std::string line =
      format("{} {}", k_outcome_names[static_cast<std::size_t>(result.outcome)],
             display_url(wanted.source.urls.at(0)));
  struct stat status;
  return result.there() && ::stat(result.path.c_str(), &status) == 0
             ? format("{} ({})", line, format_size(static_cast<std::uint64_t>(status.st_size)))
             : line;
}

Json outcome_as_json(const WantedAsset& wanted, const Fetched& result) {
  Json urls = Json::array();
  for (const std::string& url : wanted.source.urls) {
    urls.push_back(display_url(url));
  }
  Json value = {{"digest", wanted.source.digest},
                {"urls", std::move(urls)},
                {"outcome", k_outcome_names[static_cast<std::size_t>(result.outcome)]},
                {"definitions", wanted.definitions},
                {"tests", wanted.tests}};
  struct stat status;
  if (!result.there()) {
    value["reason"] = result.reason;
    value["cause"] = k_cause_names[static_cast<std::size_t>(result.cause)];
  } else if (::stat(result.path.c_str(), &status) == 0) {
    value["path"] = result.path;
    value["size"] = status.st_size;
  }
  return value;
}

ExitCode exit_code_of(std::span<const Fetched> results) {
  return count(results, FetchOutcome::failed) > 0        ? ExitCode::failed
         : count(results, FetchOutcome::unavailable) > 0 ? ExitCode::absent
                                                         : ExitCode::done;
}

} // namespace qt
