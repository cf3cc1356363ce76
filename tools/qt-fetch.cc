// qt-fetch: URL and digest → the path of the verified file in the shared cache.
#include "cli.hh"
#include "digest.hh"
#include "error.hh"
#include "fetch.hh"
#include "log.hh"
#include "text.hh"

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace {

using namespace qt;

struct Settings {
  std::vector<std::string> operands;
  std::optional<std::string> stamp;
  std::optional<std::string> output;
  bool uncached = false;
  FetchOptions fetch = FetchOptions::from_environment();
};

// False if --help or --version was all that was wanted.
bool parse(const std::vector<std::string>& words, Settings& settings) {
  std::optional<Duration> pause;
  std::optional<Duration> connect;
  std::optional<Duration> stall;
  CommandLine line("[options] URL... DIGEST",
                   "Finds a file in the cache by its digest, or downloads it; prints its path.");
  line.operands(settings.operands)
      .group("What to do")
      .option("stamp", "FILE",
              "write FILE when all is there; where something is unavailable now, warn, write no "
              "FILE and exit 0",
              settings.stamp)
      .flag("uncached", "download past the cache, to --output", settings.uncached)
      .option("output", "FILE", "where --uncached puts the file", settings.output)
      .group("Servers")
      .option("retries", "N", "times to try a URL again, default 3",
              [&](const std::string& value) {
                const auto number = parse_integer(value);
                if (!number || *number < 0 || *number > 100) {
                  throw Error(format("option --retries: '{}' is not a number from 0 to 100", value),
                              ExitCode::usage);
                }
                settings.fetch.download.retries = static_cast<int>(*number);
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

ExitCode exit_code_of(const std::vector<Fetched>& results) {
  const auto any = [&](FetchOutcome outcome) {
    return std::any_of(results.begin(), results.end(),
                       [&](const Fetched& result) { return result.outcome == outcome; });
  };
  return any(FetchOutcome::failed)        ? ExitCode::failed
         : any(FetchOutcome::unavailable) ? ExitCode::absent
                                          : ExitCode::done;
}

int run(const std::vector<std::string>& words) {
  Settings settings;
  if (!parse(words, settings)) {
    return 0;
  }
  const AssetSource source = source_from(settings.operands);
  if (settings.uncached) {
    // The cache is not asked for: it may not even have a place.
    Fetcher fetcher(Cache("/"), settings.fetch);
    const Fetched result = fetcher.fetch_uncached(source, *settings.output);
    if (!result.there()) {
      log_error(result.reason);
    } else {
      print_line(result.path);
    }
    return to_int(exit_code_of({result}));
  }
  Fetcher fetcher(Cache::open(), settings.fetch);
  const std::vector<Fetched> results = fetcher.fetch_all({&source, 1}, 1, {});
  const ExitCode code = exit_code_of(results);
  for (const Fetched& result : results) {
    if (result.outcome == FetchOutcome::unavailable && settings.stamp) {
      log_warning(result.reason);
    } else if (!result.there()) {
      log_error(result.reason);
    } else if (!settings.stamp) {
      print_line(result.path);
    }
  }
  if (settings.stamp && code == ExitCode::done) {
    write_file(*settings.stamp, "");
  }
  return settings.stamp && code == ExitCode::absent ? 0 : to_int(code);
}

} // namespace

int main(int argc, char** argv) { return run_tool("qt-fetch", argc, argv, run); }
