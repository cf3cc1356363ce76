// Judges what a balloon device knows of its guest's memory ("guest-stats"), by the monitor of the
// only machine:
//
//   balloon-stats PATH unset             nothing, and it was never told anything
//   balloon-stats PATH since TIME NAME...  these statistics and no others, told after TIME (seconds
//                                        since 1970); asks again for as long as it was told nothing
//
// QEMU has 2^64 - 1 for a statistic that the guest has not told. Status 1 if it is not so.
#include "base/duration.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "cli/cli.hh"
#include "monitor.hh"

#include <ctime>
#include <limits>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace qt;

constexpr std::uint64_t k_unset = std::numeric_limits<std::uint64_t>::max();

Json stats_of(support::Monitor& monitor, const std::string& path) {
  return monitor.ask("qom-get", {{"path", path}, {"property", "guest-stats"}});
}

std::set<std::string> names_told(const Json& stats) {
  std::set<std::string> names;
  for (const auto& [name, value] : stats.at("stats").items()) {
    if (value != k_unset) {
      names.insert(name);
    }
  }
  return names;
}

int fail(const std::string& what, const Json& stats) {
  print_line(format("{}: {}", what, dump_json(stats)));
  return to_int(ExitCode::failed);
}

int judge_told(support::Monitor& monitor, const std::vector<std::string>& words) {
  const std::int64_t since = std::stoll(words[2]);
  const std::set<std::string> wanted(words.begin() + 3, words.end());
  Json stats = stats_of(monitor, words[0]);
  while (stats.at("last-update") == 0) { // the step's deadline bounds it
    std::this_thread::sleep_for(Duration(200));
    stats = stats_of(monitor, words[0]);
  }
  if (stats.at("last-update") < since || stats.at("last-update") > std::time(nullptr)) {
    return fail(format("the last update is not between {} and now", since), stats);
  }
  const std::set<std::string> told = names_told(stats);
  if (told != wanted) {
    return fail("told are " + join(std::vector<std::string>(told.begin(), told.end()), ", "),
                stats);
  }
  return 0;
}

int judge(const std::vector<std::string>& words) {
  const bool unset = words.size() == 2 && words[1] == "unset";
  if (!unset && (words.size() < 4 || words[1] != "since")) {
    throw Error("usage: balloon-stats PATH unset | balloon-stats PATH since TIME NAME...",
                ExitCode::usage);
  }
  support::Monitor monitor;
  if (!unset) {
    return judge_told(monitor, words);
  }
  const Json stats = stats_of(monitor, words[0]);
  return stats.at("last-update") == 0 && names_told(stats).empty()
             ? 0
             : fail("the guest has told something", stats);
}

} // namespace

int main(int argc, char** argv) { return run_tool("balloon-stats", argc, argv, judge); }
