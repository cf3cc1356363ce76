// qt-fetch: URL and digest → the path of the verified file in the shared cache; care of that cache.
#include "base/error.hh"
#include "cli/cli.hh"
#include "fetch/cache_care.hh"
#include "fetch/fetch_run.hh"
#include "os/file.hh"

namespace {

using namespace qt;

enum class Action { fetch, uncached, list, verify, prune, export_to, import_from };

struct Settings {
  Action action = Action::fetch;
  std::vector<std::string> operands;
  std::vector<std::string> definitions;
  std::vector<std::string> keep;
  std::optional<std::string> output;
  std::string asset;
  std::optional<Slice> slice;
  std::optional<Durations> durations;
  std::optional<std::uint64_t> size;
  std::optional<std::uint64_t> limit;
  std::string folder; // for export and import
  bool json = false;
  FetchRun run;
  FetchOptions fetch = FetchOptions::from_environment();
  PruneRules rules;

  AssetOutput asset_output() const {
    return {print_line, json ? AssetOutput::Form::json : AssetOutput::Form::text};
  }
  // What the definitions in `files` and the operands want; nothing without any.
  std::optional<std::vector<WantedAsset>> wanted(std::vector<std::string> files) const {
    if (files.empty()) {
      return std::nullopt;
    }
    files.insert(files.end(), operands.begin(), operands.end());
    return wanted_assets(files, asset, slice, durations.value_or(Durations()));
  }
  // What the operands want: URLs and a digest.
  WantedAsset operand() const {
    if (!asset.empty()) {
      throw Error("--asset NAME belongs to --definition", ExitCode::usage);
    }
    WantedAsset wanted = wanted_asset(operands);
    wanted.source.size = size;
    return wanted;
  }
  std::function<void(const std::string&)> chooses(Action wanted) {
    return [this, wanted](const std::string& value) {
      if (action != Action::fetch) {
        throw Error(
            "--list, --verify, --prune, --export, --import and --uncached exclude each other",
            ExitCode::usage);
      }
      action = wanted;
      folder = value;
    };
  }
};

void add_care_options(CommandLine& line, Settings& settings) {
  line.group("Care of the cache, instead")
      .option("list", "",
              "print last use, size, digest and URL of each file; with --definition: also who uses "
              "it and what is missing",
              settings.chooses(Action::list))
      .option("verify", "", "check every file's digest; move wrong ones aside",
              settings.chooses(Action::verify))
      .option("prune", "", "remove leftovers: stamps, locks, stale partial files",
              settings.chooses(Action::prune))
      .option("max-age", "with --prune: also files not used for this long, such as 183d",
              settings.rules.max_age)
      .option("max-size", "with --prune: also the least recently used, until the rest fits",
              settings.rules.max_size)
      .option("keep", "FILE", "with --prune: never remove assets named in FILE or operands",
              settings.keep)
      .flag("dry-run", "only print what would be removed",
            [&] { settings.rules.mode = PruneRules::Mode::only_tell; })
      .option("export", "DIR", "copy all files, or the assets of --definition, to a cache in DIR",
              settings.chooses(Action::export_to))
      .option("import", "DIR", "copy files from the cache in DIR; verify them",
              settings.chooses(Action::import_from));
}

CommandLine command_line(Settings& settings) {
  CommandLine line("[options] URL... DIGEST | --definition FILE...",
                   "Finds a file in the cache by its digest, or downloads it; prints its path.");
  line.operands(settings.operands)
      .group("What to do")
      .option("definition", "FILE",
              "fetch all assets that have a URL in this definition and in those after it",
              settings.definitions)
      .option("stamp", "FILE",
              "write FILE when everything is there; if something is unavailable now, only warn: no "
              "FILE, "
              "exit 0",
              settings.run.stamp)
      .option("asset", "NAME", "with --definition: only the asset called NAME", settings.asset)
      .option("slice", "I/N", "with --definition: only what the I-th of N parts of the files needs",
              [&settings](const std::string& word) { settings.slice = parse_slice(word); })
      .option("durations", "FILE",
              "with --slice: how long each file took, as qt-report --durations writes it",
              [&settings](const std::string& path) { settings.durations = read_durations(path); })
      .option("size", "how many bytes the file of URL has; more is not downloaded", settings.size)
      .flag("require",
            "fail (exit 1) if something is unavailable now; also ask hosts again that were down",
            [&] {
              settings.run.unavailable = FetchRun::Unavailable::failure;
              settings.fetch.others = UnreachableHosts::Others::asked_again;
            })
      .flag("json", "print a JSON line for each asset instead", settings.json)
      .option("uncached", "", "download into --output, not into the cache",
              settings.chooses(Action::uncached))
      .option("output", "FILE", "where --uncached puts the file", settings.output)
      .group("Servers")
      .option("jobs", "assets at a time, default 8", 1, 64, settings.run.jobs)
      .option("retries", "times to try a URL again, default 3", 0, 100,
              settings.fetch.download.retries)
      .option("retry-pause",
              "pause before the first retry, default 250ms; each later pause is longer",
              settings.fetch.download.first_pause)
      .option("timeout", "give up an asset after this long, default 1h; the next run continues it",
              settings.fetch.time)
      .option("limit", "the largest file of unknown size that is taken, default 16G",
              settings.limit)
      .option("connect-timeout", "time to connect, default 5s", settings.fetch.limits.connect)
      .option("stall-timeout", "give up a download slower than 1 KiB/s for this long, default 30s",
              settings.fetch.limits.stall)
      .example("qt-fetch https://host/kernel.gz 4f9c... | qt-extract")
      .example("qt-fetch --prune --max-age 183d --max-size 20G --keep tests/*/*.toml")
      .exit_codes("0 there, done · 1 gone or not what the digest says · 2 usage,\n"
                  "a mistake in a definition · 77 unavailable now, not in the cache ·\n"
                  "99 the cache or the disk failed");
  add_care_options(line, settings);
  return line;
}

ExitCode fetch(Settings& settings) {
  const AssetOutput output = settings.asset_output();
  if (settings.run.stamp) {
    clear_stamp(*settings.run.stamp);
  }
  if (settings.action == Action::uncached) {
    return run_fetch_uncached(settings.fetch, settings.operand(), *settings.output, settings.run,
                              output);
  }
  const std::optional<std::vector<WantedAsset>> wanted = settings.wanted(settings.definitions);
  settings.run.account =
      wanted && settings.asset.empty() ? FetchRun::Account::yes : FetchRun::Account::no;
  Fetcher fetcher(Cache::open(), settings.fetch);
  return run_fetch(fetcher, wanted ? *wanted : std::vector{settings.operand()}, settings.run,
                   output);
}

ExitCode care(Settings& settings) {
  const Cache cache = Cache::open();
  const AssetOutput output = settings.asset_output();
  const bool prunes = settings.action == Action::prune;
  const auto wanted = settings.wanted(prunes ? settings.keep : settings.definitions);
  if (!wanted && !settings.operands.empty()) {
    throw Error(format("unexpected operand '{}'; see qt-fetch --help", settings.operands[0]),
                ExitCode::usage);
  }
  switch (settings.action) {
  case Action::list:
    return list_assets(cache, wanted, output);
  case Action::verify:
    return verify_assets(cache, output);
  case Action::export_to:
    return copy_assets(cache, Cache(settings.folder), Trust::its_records, wanted, output);
  case Action::import_from:
    if (const std::string folder = Cache(settings.folder).folder(); !exists(folder)) {
      throw Error(format("option --import: there is no folder {}", folder), ExitCode::usage);
    }
    return copy_assets(Cache(settings.folder), cache, Trust::nothing, wanted, output);
  default:
    return prune_assets(cache, settings.rules, wanted, output);
  }
}

int run(const std::vector<std::string>& words) {
  Settings settings;
  if (!command_line(settings).parse(words)) {
    return to_int(ExitCode::done);
  }
  if ((settings.action == Action::uncached) != settings.output.has_value()) {
    throw Error("--uncached and --output FILE belong together", ExitCode::usage);
  }
  if (settings.action != Action::prune &&
      (settings.rules.max_age || settings.rules.max_size || !settings.keep.empty() ||
       settings.rules.mode == PruneRules::Mode::only_tell)) {
    throw Error("--max-age, --max-size, --keep and --dry-run belong to --prune", ExitCode::usage);
  }
  if (settings.slice && settings.definitions.empty()) {
    throw Error("--slice I/N belongs to --definition", ExitCode::usage);
  }
  if (settings.durations && !settings.slice) {
    throw Error("--durations FILE belongs to --slice", ExitCode::usage);
  }
  if (settings.size && !settings.definitions.empty()) {
    throw Error("--size belongs to URL and DIGEST; a definition says it itself", ExitCode::usage);
  }
  settings.fetch.download.largest = settings.limit.value_or(settings.fetch.download.largest);
  const bool fetches = settings.action == Action::fetch || settings.action == Action::uncached;
  if (settings.run.stamp && !fetches) {
    throw Error("--stamp FILE says that assets are there; it belongs to fetching them",
                ExitCode::usage);
  }
  return to_int(fetches ? fetch(settings) : care(settings));
}

} // namespace

int main(int argc, char** argv) { return run_tool("qt-fetch", argc, argv, run); }
