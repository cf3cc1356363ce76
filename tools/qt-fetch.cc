// qt-fetch: URL and digest → the path of the verified file in the shared cache.
#include "cli.hh"
#include "digest.hh"
#include "error.hh"
#include "fetch.hh"
#include "fetch_report.hh"
#include "log.hh"
#include "text.hh"
#include "url.hh"
#include "wanted.hh"

#include <cerrno>
#include <cstdio>

namespace {

using namespace qt;

struct Settings {
  std::vector<std::string> operands;
  std::vector<std::string> definitions;
  std::optional<std::string> stamp;
  std::optional<std::string> output;
  bool uncached = false;
  bool require = false;
  bool json = false;
  unsigned jobs = 8;
  FetchOptions fetch = FetchOptions::from_environment();
};

std::int64_t number(std::string_view option, const std::string& value, int least, int most) {
  const std::optional<std::int64_t> parsed = parse_integer(value);
  if (!parsed || *parsed < least || *parsed > most) {
    throw Error(
        format("option --{}: '{}' is not a number from {} to {}", option, value, least, most),
        ExitCode::usage);
  }
  return *parsed;
}

// False if --help or --version was all that was wanted.
bool parse(const std::vector<std::string>& words, Settings& settings) {
  std::optional<Duration> pause;
  std::optional<Duration> connect;
  std::optional<Duration> stall;
  CommandLine line("[options] URL... DIGEST | --definition FILE...",
                   "Finds a file in the cache by its digest, or downloads it; prints its path.");
  line.operands(settings.operands)
      .group("What to do")
      .option("definition", "FILE", "all assets with a URL of the definitions, FILE and operands",
              settings.definitions)
      .option("stamp", "FILE",
              "write FILE when all is there; where something is unavailable now, warn, write no "
              "FILE and exit 0",
              settings.stamp)
      .flag("require", "what is unavailable now is a failure, exit 1", settings.require)
      .flag("json", "print a JSON line for each asset instead of its path", settings.json)
      .flag("uncached", "download past the cache, to --output", settings.uncached)
      .option("output", "FILE", "where --uncached puts the file", settings.output)
      .group("Servers")
      .option("jobs", "N", "assets at a time, default 8",
              [&](const std::string& value) {
                settings.jobs = static_cast<unsigned>(number("jobs", value, 1, 64));
              })
      .option("retries", "N", "times to try a URL again, default 3",
              [&](const std::string& value) {
                settings.fetch.download.retries =
                    static_cast<int>(number("retries", value, 0, 100));
              })
      .option("retry-pause", "pause before the first of them, default 250ms; it grows", pause)
      .option("connect-timeout", "time to connect, default 20s", connect)
      .option("stall-timeout", "give up what moves less than 1 KiB/s for so long, default 30s",
              stall)
      .example("qt-fetch https://host/kernel.gz 4f9c... | qt-extract")
      .exit_codes("0 there, 1 gone or not what the digest says, 2 usage,\n"
                  "  77 unavailable now, 99 the cache or the disk failed");
  if (!line.parse(words)) {
    return false;
  }
  settings.fetch.download.first_pause = pause.value_or(settings.fetch.download.first_pause);
  settings.fetch.limits.connect = connect.value_or(settings.fetch.limits.connect);
  settings.fetch.limits.stall = stall.value_or(settings.fetch.limits.stall);
  if (settings.uncached != settings.output.has_value()) {
    throw Error("--uncached and --output FILE belong together", ExitCode::usage);
  }
  return true;
}

AssetSource source_from(const std::vector<std::string>& operands) {
  if (operands.size() < 2) {
    throw Error("expected a URL and a digest; see qt-fetch --help", ExitCode::usage);
  }
  AssetSource source;
  source.urls.assign(operands.begin(), operands.end() - 1);
  for (const std::string& url : source.urls) {
    if (!is_fetchable(url)) {
      throw Error(
          format("fetching {}: only http, https and file URLs can be fetched", display_url(url)),
          ExitCode::usage);
    }
  }
  const std::optional<std::string> digest = parse_digest(operands.back());
  if (!digest) {
    throw Error(
        format("'{}' is not a digest: 64 (SHA-256) or 128 (SHA-512) hex digits", operands.back()),
        ExitCode::usage);
  }
  source.digest = *digest;
  return source;
}

void print_line(const std::string& text) {
  if (std::printf("%s\n", text.c_str()) < 0 || std::fflush(stdout) != 0) {
    throw errno_error(errno, "writing standard output");
  }
}

int fetch_past_the_cache(const Settings& settings) {
  // The cache is not asked for: it may not even have a place.
  Fetcher fetcher(Cache("/"), settings.fetch);
  const Fetched result = fetcher.fetch_uncached(source_from(settings.operands), *settings.output);
  if (result.there()) {
    print_line(result.path);
  } else {
    log_error(result.reason);
  }
  return to_int(exit_code_of({&result, 1}));
}

// Something to know that is no warning.
void say(const std::string& text) {
  if (verbosity() >= Verbosity::normal) {
    log_plain(text);
  }
}

std::vector<WantedAsset> wanted_by(const Settings& settings) {
  if (settings.definitions.empty()) {
    return {WantedAsset{source_from(settings.operands), {}, {}}};
  }
  std::vector<std::string> paths = settings.definitions;
  paths.insert(paths.end(), settings.operands.begin(), settings.operands.end());
  return wanted_assets(paths);
}

// On stdout what programs read, on stderr what people read.
void report(const Settings& settings, std::span<const WantedAsset> wanted,
            std::span<const Fetched> results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (settings.json) {
      print_line(dump_json(outcome_as_json(wanted[i], results[i])));
    } else if (results[i].there() && !settings.stamp) {
      print_line(results[i].path);
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].there()) {
      const bool tolerated =
          settings.stamp && !settings.require && results[i].outcome == FetchOutcome::unavailable;
      (tolerated ? log_warning : log_error)(missing_line(wanted[i], results[i]));
    }
  }
  if (!settings.definitions.empty() && !settings.stamp) {
    say(count_outcomes(results));
  }
}

int run(const std::vector<std::string>& words) {
  Settings settings;
  if (!parse(words, settings)) {
    return 0;
  }
  if (settings.uncached) {
    return fetch_past_the_cache(settings);
  }
  const std::vector<WantedAsset> wanted = wanted_by(settings);
  std::vector<AssetSource> sources;
  for (const WantedAsset& asset : wanted) {
    sources.push_back(asset.source);
  }
  Fetcher fetcher(Cache::open(), settings.fetch);
  const std::vector<Fetched> results =
      fetcher.fetch_all(sources, settings.jobs, [&](std::size_t i, const Fetched& result) {
        if (!settings.definitions.empty() && result.outcome == FetchOutcome::downloaded) {
          say(downloaded_line(wanted[i], result));
        }
      });
  report(settings, wanted, results);
  const ExitCode code = exit_code_of(results);
  if (settings.stamp && code == ExitCode::done) {
    write_file(*settings.stamp, "");
  }
  if (code == ExitCode::absent && settings.require) {
    return to_int(ExitCode::failed);
  }
  return settings.stamp && code == ExitCode::absent ? 0 : to_int(code);
}

} // namespace

int main(int argc, char** argv) { return run_tool("qt-fetch", argc, argv, run); }
