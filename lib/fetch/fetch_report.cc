#include "fetch/fetch_report.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "data/url.hh"

#include <algorithm>
#include <array>
#include <map>
#include <sys/stat.h>

namespace qt {

namespace {

constexpr std::array<std::string_view, 4> k_outcome_names = {"cached", "downloaded", "unavailable",
                                                             "failed"};

// As Downloaded::Cause; without one nobody was asked.
constexpr std::array<std::string_view, 5> k_cause_names = {"offline", "transient", "corrupt",
                                                           "refused", "gone"};

// "a, b and 3 more"; a summary is read, --json has all.
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t k_shown = 2;
  return names.size() <= k_shown + 1 ? join(names, ", ")
                                     : format("{} and {} more", join({names.data(), k_shown}, ", "),
                                              names.size() - k_shown);
}

std::size_t count(std::span<const Fetched> results, FetchOutcome outcome) {
  return static_cast<std::size_t>(
      std::count_if(results.begin(), results.end(),
                    [&](const Fetched& result) { return result.outcome == outcome; }));
}

std::string asset_line(const WantedAsset& wanted, const Fetched& result) {
  const std::string url = display_url(wanted.source.urls.at(0));
  const std::string name = result.outcome == FetchOutcome::failed || url.ends_with('/')
                               ? url
                               : url.substr(url.rfind('/') + 1);
  return wanted.tests.empty() ? name : format("{} ({})", name, some_of(wanted.tests));
}

MissingGroup describe(std::span<const WantedAsset> wanted, std::span<const Fetched> results,
                      const std::vector<std::size_t>& members) {
  const Fetched& first = results[members.front()];
  if (members.size() == 1) {
    return {first.outcome, missing_line(wanted[members.front()], first), {}};
  }
  MissingGroup group{first.outcome, "", {}};
  // The first to find a host down says how; the others say that it was found to be, too.
  std::string why = first.why;
  for (const std::size_t i : members) {
    why = results[i].why.size() < why.size() ? results[i].why : why;
    group.assets.push_back(asset_line(wanted[i], results[i]));
  }
  group.heading = format("{} assets {}: {}", members.size(),
                         k_outcome_names[static_cast<std::size_t>(first.outcome)], why);
  return group;
}

} // namespace

std::vector<MissingGroup> group_missing(std::span<const WantedAsset> wanted,
                                        std::span<const Fetched> results) {
  std::vector<std::vector<std::size_t>> groups;
  std::map<std::pair<FetchOutcome, std::string>, std::size_t> known;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].there()) {
      const auto [at, is_new] =
          known.try_emplace({results[i].outcome, results[i].group}, groups.size());
      if (is_new) {
        groups.emplace_back();
      }
      groups[at->second].push_back(i);
    }
  }
  std::vector<MissingGroup> described;
  for (const std::vector<std::size_t>& members : groups) {
    described.push_back(describe(wanted, results, members));
  }
  return described;
}

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
  return wanted.tests.empty() ? result.reason
                              : format("{} (needed by {})", result.reason, some_of(wanted.tests));
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
