#include "fetch/cache_care.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/parallel.hh"
#include "base/text.hh"
#include "cache/inventory.hh"
#include "data/json.hh"
#include "data/url.hh"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <mutex>
#include <set>

namespace qt {

namespace {

constexpr std::array<std::string_view, 3> k_states = {"absent", "unverified", "verified"};
constexpr std::array<std::string_view, 4> k_verdicts = {"right", "put-aside", "left", "unreadable"};
constexpr std::array<std::string_view, 4> k_copies = {"there", "copied", "absent", "wrong"};

template<typename Enum, std::size_t Size>
std::string_view name_of(const std::array<std::string_view, Size>& names, Enum value) {
  return names.at(static_cast<std::size_t>(value));
}

// In UTC, so that it means the same everywhere.
std::string date_of(WallTime time, const char* form) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), form, &parts)};
}

void print(const AssetOutput& output, const Json& value, const std::string& line) {
  output.print(output.form == AssetOutput::Form::json ? dump_json(value) : line);
}

std::string files(std::size_t count) { return format("{} file{}", count, count == 1 ? "" : "s"); }

// Sums up what was printed.
struct Total {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  void add(std::uint64_t size) {
    ++count;
    bytes += size;
  }
  std::string text() const { return format("{}, {}", files(count), format_size(bytes)); }
};

void print_entry(const CacheEntry& entry, const WantedAsset* user, const AssetOutput& output) {
  const std::vector<std::string> definitions =
      user != nullptr ? user->definitions : std::vector<std::string>();
  // Not every file system remembers.
  const std::string url = entry.url.empty() && user != nullptr
                              ? display_url(user->source.urls.at(0))
                              : escape_for_display(display_url(entry.url));
  std::string line = format("{}  {:>10}  {}", date_of(entry.last_use, "%Y-%m-%d"),
                            format_size(entry.size), entry.digest);
  for (const std::string& part :
       {std::string(entry.state == Cache::State::verified ? "" : "unverified"), url,
        join(definitions, " ")}) {
    line += part.empty() ? "" : "  " + part;
  }
  print(output,
        {{"digest", entry.digest},
         {"size", entry.size},
         {"last-use", date_of(entry.last_use, "%Y-%m-%dT%H:%M:%SZ")},
         {"url", url},
         {"state", name_of(k_states, entry.state)},
         {"path", entry.path},
         {"definitions", definitions}},
        line);
}

// What a definition wants and nobody has.
void print_missing(const WantedAsset& asset, const AssetOutput& output) {
  const std::optional<std::uint64_t>& size = asset.source.size;
  const std::string url = display_url(asset.source.urls.at(0));
  print(output,
        {{"digest", asset.source.digest},
         {"size", size ? Json(*size) : Json(nullptr)},
         {"last-use", nullptr},
         {"url", url},
         {"state", name_of(k_states, Cache::State::absent)},
         {"path", nullptr},
         {"definitions", asset.definitions}},
        format("{:<10}  {:>10}  {}  {}  {}", "missing", size ? format_size(*size) : "-",
               asset.source.digest, url, join(asset.definitions, " ")));
}

} // namespace

ExitCode list_assets(const Cache& cache, const WantedAssets& wanted, const AssetOutput& output) {
  std::map<std::string_view, const WantedAsset*> users;
  for (std::size_t i = 0; wanted && i < wanted->size(); ++i) {
    users[wanted->at(i).source.digest] = &wanted->at(i);
  }
  std::set<std::string> there;
  const auto list = [&](const Cache& one) {
    Total total;
    for (const CacheEntry& entry : list_cache(one)) {
      const auto user = users.find(entry.digest);
      there.insert(entry.digest);
      print_entry(entry, user == users.end() ? nullptr : user->second, output);
      total.add(entry.size);
    }
    log_note(format("{} in {}", total.text(), one.folder()));
  };
  list(cache);
  std::for_each(cache.lower().begin(), cache.lower().end(), list);
  std::size_t missing = 0;
  for (std::size_t i = 0; wanted && i < wanted->size(); ++i) {
    if (!there.contains(wanted->at(i).source.digest)) {
      print_missing(wanted->at(i), output);
      ++missing;
    }
  }
  if (wanted) {
    log_note(
        format("missing: {} of the {} that the definitions want", missing, files(wanted->size())));
  }
  return ExitCode::done;
}

ExitCode verify_assets(const Cache& cache, const AssetOutput& output) {
  std::array<std::size_t, k_verdicts.size()> counts{};
  verify_cache(cache, [&](const Checked& checked) {
    ++counts.at(static_cast<std::size_t>(checked.verdict));
    const std::string_view verdict = name_of(k_verdicts, checked.verdict);
    Json value = {{"digest", checked.entry.digest},
                  {"size", checked.entry.size},
                  {"path", checked.entry.path},
                  {"verdict", verdict}};
    if (!checked.reason.empty()) {
      log_error(checked.reason);
      value["reason"] = checked.reason;
    }
    print(output, value, format("{:<10}  {}", verdict, checked.entry.digest));
  });
  const std::size_t unreadable = counts[3];
  const std::size_t wrong = counts[1] + counts[2];
  log_note(format("{} right, {} wrong{} in {}", files(counts[0]), wrong,
                  unreadable > 0 ? format(", {} unreadable", unreadable) : "", cache.folder()));
  return unreadable > 0 ? ExitCode::internal : wrong > 0 ? ExitCode::failed : ExitCode::done;
}

ExitCode prune_assets(const Cache& cache, PruneRules rules, const WantedAssets& kept,
                      const AssetOutput& output) {
  if (kept) {
    for (const WantedAsset& asset : *kept) {
      rules.keep.insert(asset.source.digest);
    }
  }
  const bool only_tells = rules.mode == PruneRules::Mode::only_tell;
  Total total;
  for (const Pruned& one : prune_cache(cache, rules)) {
    print(output, {{"name", one.name}, {"size", one.size}, {"reason", one.reason}},
          format("{:>10}  {}  {}", format_size(one.size), one.name, one.reason));
    total.add(one.size);
  }
  log_note(format("{} {} from {}", only_tells ? "would remove" : "removed", total.text(),
                  cache.folder()));
  return ExitCode::done;
}

ExitCode copy_assets(const Cache& from, const Cache& to, Trust trust, const WantedAssets& wanted,
                     const AssetOutput& output) {
  if (exists(from.root()) && exists(to.root()) && real_path(from.root()) == real_path(to.root())) {
    throw Error(format("{} is the cache itself; name another folder", to.root()), ExitCode::usage);
  }
  std::vector<std::string> digests;
  if (wanted) {
    for (const WantedAsset& asset : *wanted) {
      digests.push_back(asset.source.digest);
    }
  } else {
    for (const CacheEntry& entry : list_cache(from)) {
      digests.push_back(entry.digest);
    }
  }
  std::array<std::size_t, k_copies.size()> counts{};
  std::mutex mutex;
  for_each_parallel(digests.size(), 4, [&](std::size_t i) {
    const CacheCopy copy = copy_asset(from, to, digests[i], trust);
    const std::lock_guard guard(mutex);
    ++counts.at(static_cast<std::size_t>(copy.outcome));
    const std::string_view outcome = name_of(k_copies, copy.outcome);
    Json value = {{"digest", copy.digest}, {"outcome", outcome}};
    value[copy.reason.empty() ? "path" : "reason"] = copy.reason.empty() ? copy.path : copy.reason;
    if (!copy.reason.empty()) {
      log_error(copy.reason);
    }
    print(output, value, format("{:<7}  {}", outcome, copy.digest));
  });
  log_note(format("{} copied to {}, {} there, {} absent, {} wrong", files(counts[1]), to.folder(),
                  counts[0], counts[2], counts[3]));
  return counts[3] > 0 ? ExitCode::failed : counts[2] > 0 ? ExitCode::absent : ExitCode::done;
}

} // namespace qt
