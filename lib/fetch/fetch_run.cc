#include "fetch/fetch_run.hh"

#include "base/format.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "data/url.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace qt {

namespace {

// Draws a board on stderr if that is a terminal and messages are wanted. Messages of the program
// (log.hh) appear above it. Its functions may be called by any thread.
class Progress {
public:
  explicit Progress(std::vector<std::string> names);
  // Removes what is drawn.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void moved(std::size_t i, std::uint64_t bytes, std::uint64_t total);
  void finished(std::size_t i);

private:
  void draw_until_stopped();

  std::mutex m_mutex;
  std::condition_variable m_changed;
  ProgressBoard m_board;
  bool m_stopping = false;
  std::thread m_thread; // runs only on a terminal
};

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

constexpr Duration k_redraw = std::chrono::milliseconds(200);
constexpr double k_fade_seconds = 3;

double seconds(Clock::duration span) { return std::chrono::duration<double>(span).count(); }

bool can_redraw() {
  const char* const kind = std::getenv("TERM");
  return verbosity() >= Verbosity::normal && ::isatty(STDERR_FILENO) == 1 && kind != nullptr &&
         *kind != '\0' && std::string_view(kind) != "dumb";
}

// "0:07", "12:30", "3:05:00"; "-" if nobody can tell.
std::string remaining_time(double bytes, double rate) {
  if (rate < 1 || bytes / rate > 100 * 3600) {
    return "-";
  }
  const auto left = static_cast<std::uint64_t>(std::ceil(bytes / rate));
  return left < 3600 ? format("{}:{:02}", left / 60, left % 60)
                     : format("{}:{:02}:{:02}", left / 3600, left / 60 % 60, left % 60);
}

std::string rate_text(double rate) { return format_size(static_cast<std::uint64_t>(rate)) + "/s"; }

// The end of a name is what tells it from others.
std::string shorten(const std::string& name, std::size_t columns) {
  if (name.size() <= columns) {
    return name;
  }
  return columns < 4 ? "" : ".." + name.substr(name.size() - (columns - 2));
}

Progress::Progress(std::vector<std::string> names)
  : m_board(std::move(names)) {
  if (can_redraw()) {
    m_thread = std::thread([this] { draw_until_stopped(); });
  }
}

Progress::~Progress() {
  {
    const std::lock_guard guard(m_mutex);
    m_stopping = true;
  }
  m_changed.notify_one();
  if (m_thread.joinable()) {
    m_thread.join();
  }
}

void Progress::moved(std::size_t i, std::uint64_t bytes, std::uint64_t total) {
  const std::lock_guard guard(m_mutex);
  m_board.moved(i, bytes, total);
}

void Progress::finished(std::size_t i) {
  const std::lock_guard guard(m_mutex);
  m_board.finished(i);
}

void Progress::draw_until_stopped() {
  std::unique_lock lock(m_mutex);
  while (!m_changed.wait_for(lock, k_redraw, [&] { return m_stopping; })) {
    winsize size{};
    ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    // Not the last column, where some terminals begin a new line, nor the last row.
    log_status(m_board.lines(Clock::now(), size.ws_row > 1 ? size.ws_row - 1u : 23u,
                             size.ws_col > 1 ? size.ws_col - 1u : 79u));
  }
  log_status({});
}

// "downloaded URL (12.5 MiB)", "unavailable URL": what became of it, for the moment when it ends.
std::string finished_line(const WantedAsset& wanted, const Fetched& result) {
  const std::string line =
      format("{} {}", k_outcome_names[static_cast<std::size_t>(result.outcome)],
             display_url(wanted.source.urls.at(0)));
  struct stat status;
  return result.there() && ::stat(result.path.c_str(), &status) == 0
             ? format("{} ({})", line, format_size(static_cast<std::uint64_t>(status.st_size)))
             : line;
}

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

void Rate::sample(std::uint64_t bytes, Clock::time_point now) {
  const double span = seconds(now - m_at);
  if (!m_begun || bytes < m_bytes) {
    m_rate = 0;
  } else if (span <= 0) {
    return;
  } else {
    const double latest = static_cast<double>(bytes - m_bytes) / span;
    const double weight = m_rate > 0 ? 1 - std::exp(-span / k_fade_seconds) : 1;
    m_rate += (latest - m_rate) * weight;
  }
  m_begun = true;
  m_bytes = bytes;
  m_at = now;
}

ProgressBoard::ProgressBoard(std::vector<std::string> names)
  : m_names(std::move(names)) {
  for (std::string& name : m_names) {
    // One column for each byte: what is not ASCII becomes '?'.
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  }
}

void ProgressBoard::moved(std::size_t i, std::uint64_t bytes, std::uint64_t total) {
  const auto [found, is_new] = m_active.try_emplace(i);
  Transfer& transfer = found->second;
  if (is_new || bytes < transfer.first) {
    transfer.first = bytes;
  }
  transfer.bytes = bytes;
  transfer.total = total;
}

void ProgressBoard::finished(std::size_t i) {
  ++m_finished;
  if (const auto found = m_active.find(i); found != m_active.end()) {
    m_finished_bytes += found->second.bytes - found->second.first;
    m_active.erase(found);
  }
}

std::vector<std::string> ProgressBoard::lines(Clock::time_point now, std::size_t rows,
                                              std::size_t columns) {
  std::vector<std::string> lines;
  std::uint64_t came = m_finished_bytes;
  for (auto& [i, transfer] : m_active) {
    transfer.rate.sample(transfer.bytes, now);
    came += transfer.bytes - transfer.first;
    const bool known = transfer.total > 0 && transfer.bytes <= transfer.total;
    const std::string share = known ? format("{}%", transfer.bytes * 100 / transfer.total) : "";
    const double rate = transfer.rate.bytes_per_second();
    const auto left = static_cast<double>(transfer.total - transfer.bytes);
    std::string figures = format("{:>5}{:>11}{:>13}{:>9}", share, format_size(transfer.bytes),
                                 rate_text(rate), known ? remaining_time(left, rate) : "-");
    if (columns < figures.size() + 12) {
      figures = format("{:>5}", share);
    }
    const std::size_t room = columns - std::min(columns, figures.size());
    lines.push_back(
        (format("{:<{}}", shorten(m_names.at(i), room), room) + figures).substr(0, columns));
  }
  m_rate.sample(came, now);
  if (lines.empty() || rows == 0) {
    return {};
  }
  lines.resize(std::min(lines.size(), rows - 1));
  lines.push_back(total_line().substr(0, columns));
  return lines;
}

std::string ProgressBoard::total_line() const {
  std::uint64_t came = m_finished_bytes;
  std::uint64_t left = 0;
  bool all_known = m_finished + m_active.size() == m_names.size();
  for (const auto& [i, transfer] : m_active) {
    came += transfer.bytes - transfer.first;
    left += transfer.total > transfer.bytes ? transfer.total - transfer.bytes : 0;
    all_known = all_known && transfer.total > 0;
  }
  const double rate = m_rate.bytes_per_second();
  return format("{} of {} done, {} downloaded, {}, {}{} left", m_finished, m_names.size(),
                format_size(came), rate_text(rate), all_known ? "" : "more than ",
                remaining_time(static_cast<double>(left), rate));
}

namespace {

ExitCode finish(std::span<const WantedAsset> wanted, std::span<const Fetched> results,
                const FetchRun& run, const AssetOutput& output) {
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

} // namespace

ExitCode run_fetch(Fetcher& fetcher, std::span<const WantedAsset> wanted, const FetchRun& run,
                   const AssetOutput& output) {
  std::vector<AssetSource> sources;
  for (const WantedAsset& asset : wanted) {
    sources.push_back(asset.source);
  }
  return finish(wanted, fetch_with_progress(fetcher, sources, wanted, run), run, output);
}

ExitCode run_fetch_uncached(const FetchOptions& options, const WantedAsset& wanted,
                            const std::string& path, const FetchRun& run,
                            const AssetOutput& output) {
  const AssetSource& source = wanted.source;
  Fetcher fetcher(options);
  Progress progress({display_url(source.urls.at(0))});
  const Fetched result = fetcher.fetch_uncached(source, path, [&](const HttpProgress& state) {
    progress.moved(0, state.bytes, state.total);
  });
  return finish({&wanted, 1}, {&result, 1}, run, output);
}

} // namespace qt
