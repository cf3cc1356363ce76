// qt-tap: runs the subtests of definitions and says in TAP how they ended; or lists, checks or
// prints them; or wraps any command as a test of one result.
#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "cli/cli.hh"
#include "definition/definition.hh"
#include "definition/json_schema.hh"
#include "ipc/terminal_view.hh"
#include "os/file.hh"
#include "schema/step.hh"
#include "tap/dry_run.hh"
#include "tap/listing.hh"
#include "tap/plan.hh"
#include "tap/session.hh"
#include "tap/tag.hh"
#include "tap/watch.hh"

#include <algorithm>
#include <csignal>
#include <unistd.h>

namespace {

using namespace qt;

enum class Mode { run, list, check, dry_run, schema };

using Listing = std::string (*)(const std::vector<Selected>& selected);

struct Options {
  std::vector<std::string> files;
  std::vector<std::string> filters;
  std::optional<std::string> select;
  std::optional<std::string> name;
  std::optional<std::string> rerun;
  std::optional<Slice> slice;
  std::optional<Durations> durations;
  RunOptions run;
  int rounds = 0; // 0: it is not said
  bool until_failure = false;
  bool bisects = false;
  bool watch = false;
  Mode mode = Mode::run;
  Listing listing = nullptr; // how to list; nullptr: short
};

constexpr int k_most_rounds = 1'000'000;
constexpr int k_most_retries = 100;

bool repeats(const Options& options) {
  return options.rounds > 0 || options.until_failure || options.bisects;
}

Repetition repetition(const Options& options) {
  const int most = options.until_failure ? k_most_rounds : 1;
  const int rounds = options.rounds > 0 ? options.rounds : most;
  return {static_cast<std::size_t>(rounds), options.until_failure, options.bisects};
}

void set_timeout(const std::string& word, RunOptions& options) {
  options.limit = RunOptions::Limit::of_the_run;
  options.timeout = word == "none" ? std::nullopt : parse_duration(word);
  if (word != "none" && options.timeout.value_or(Duration::zero()) <= Duration::zero()) {
    throw Error(
        format("option --timeout: '{}' is not a time such as 500ms, 30s or 2m, or none", word),
        ExitCode::usage);
  }
}

CommandLine command_line(Options& options) {
  CommandLine line("[OPTION]... FILE... [-- QEMU-ARGUMENT...]\n       qt-tap --name NAME "
                   "[--timeout TIME] -- COMMAND...",
                   "Runs the tests that FILEs define, or any COMMAND, and reports in TAP.");
  RunOptions& run = options.run;
  const auto mode = [&options](Mode chosen) {
    return [&options, chosen] { options.mode = chosen; };
  };
  const auto listing = [&options](Listing chosen) {
    return [&options, chosen] { options.listing = chosen; };
  };
  line.operands(options.files)
      .group("What to do instead of running")
      .flag("list", "print one subtest a line, with its summary", mode(Mode::list))
      .flag("long", "with --list: machines, assets and their sizes, requirements, tags",
            listing(long_listing))
      .flag("json", "with --list: everything, a JSON object a line", listing(json_listing))
      .flag("meson", "with --list: the names of the tests as 'meson test' knows them",
            listing(meson_listing))
      .flag("check", "print every mistake in the FILEs", mode(Mode::check))
      .flag("dry-run", "print the commands of each subtest, ready to paste into a shell",
            mode(Mode::dry_run))
      .flag("schema", "print a JSON schema of definitions, for editors", mode(Mode::schema))
      .option("name", "NAME", "run COMMAND as the test NAME", options.name)
      .group("Which, and how")
      .option("filter", "GLOB",
              "only subtests whose name, or ARCH/FILE:SUBTEST, matches GLOB; may be repeated",
              options.filters)
      .option("select", "EXPRESSION", "only subtests whose tags match: 'machine:virt and not slow'",
              options.select)
      .option("rerun", "DIR",
              "only subtests that have not passed in the run whose results are in DIR",
              options.rerun)
      .option("slice", "I/N",
              "only the I-th of N parts of the FILEs, which are about equally long; as qt-fetch "
              "--slice",
              [&options](const std::string& word) { options.slice = parse_slice(word); })
      .option("durations", "FILE",
              "with --slice: how long each FILE took, as qt-report --durations writes it",
              [&options](const std::string& path) { options.durations = read_durations(path); })
      .option(
          "timeout", "TIME|none",
          "deadline of all subtests together, counted without preparing files (default: for each "
          "FILE what it says, else 90s)",
          [&run](const std::string& word) { set_timeout(word, run); })
      .flag("strict-budgets", "a mark that comes later than its budget is a failure",
            run.strict_budgets)
      .option("qemu", "PROGRAM", "the emulator, overriding the FILEs and the environment", run.qemu)
      .option("accel", "NAME", "the accelerator of every machine, overriding the FILEs", run.accel)
      .option("cpu", "MODEL", "the CPU model of every machine, overriding the FILEs", run.cpu)
      .option("wrapper", "COMMAND",
              "the command that starts every emulator, such as 'strace -o ${log}/trace'",
              run.wrapper)
      .choice("confine", {"none", "sandbox"}, "run QEMU in a sandbox or not, overriding the FILEs",
              run.confine)
      .option("jobs", "run N subtests at the same time", 1, 1024, run.jobs)
      .option("repeat", "run the subtests N times, and say how often each failed", 1, k_most_rounds,
              options.rounds)
      .flag("until-fail", "run the subtests again until one fails, with --repeat at most N times",
            options.until_failure)
      .flag("bisect",
            "exit as 'git bisect run' wants it: 0 good, 1 bad, 125 if that cannot be said",
            options.bisects)
      .option("retries",
              "run a subtest that failed again, at most N times, if its cause can be the "
              "host's: timeout, idle-timeout, host, asset",
              1, k_most_retries, run.retries)
      .flag("retry-all", "with --retries: run it again whatever the cause",
            [&run] { run.retried = Retried::all; })
      .flag("watch", "run again when a FILE, what it includes or an emulator changes; Ctrl-C ends",
            options.watch)
      .option("output", "DIR",
              "where run directories go (default: tests/functional in the build folder, else "
              "qt-tap-output here)",
              run.output)
      .option("prepared", "DIR", "where qt-extract has made files already", run.prepared)
      .choice(
          "on-fail", {"end", "keep", "shell"},
          "what to do with a machine whose test failed: end it (default), keep it stopped, or give "
          "you its console",
          run.on_fail)
      .option("break", "STEP|fail",
              "before this step (its number or its mark), or when the dialogue fails, give the "
              "machine to the terminal, without deadlines, until Ctrl-a x; may be repeated",
              run.breaks)
      .flag("gdb",
            "run QEMU under gdb at the terminal, of several machines the first; nothing has a "
            "deadline",
            run.gdb)
      .flag("gdbstub",
            "let each machine wait for gdb on a port of this host, and print the port; nothing has "
            "a deadline",
            run.gdb_stub)
      .flag("keep-scratch", "do not remove the scratch folders",
            [&run] { run.keep_scratch = KeepScratch::yes; })
      .flag("under-meson",
            "say that Meson reads the results: exit 0 when all are reported, one run directory for "
            "each --repeat",
            run.under_meson)
      .example("qt-tap --filter 'boot*' tests/functional/arm/canona1100.toml")
      .example("qt-tap FILE -- -d int -D '${log}/qemu.log'")
      .example("meson test $(qt-tap --list --meson --select machine:virt */*.toml)")
      .exit_codes("0 all passed or skipped (under Meson: all were run) · 1 a subtest\n"
                  "failed · 2 usage or a mistake in a FILE · 99 a FILE cannot be read · 128+n\n"
                  "ended by signal n · 125 with --bisect: that cannot be said");
  return line;
}

void check_retries(const Options& options) {
  const auto usage = [](const char* message) { return Error(message, ExitCode::usage); };
  if (options.run.retries == 0) {
    if (options.run.retried == Retried::all) {
      throw usage("option --retry-all: say with --retries N how often");
    }
    return;
  }
  if (options.name || (options.mode != Mode::run && options.mode != Mode::dry_run)) {
    throw usage("option --retries is for runs of FILEs; see qt-tap --help");
  }
  if (options.rounds > 0 || options.until_failure) {
    throw usage("--repeat and --until-fail count failures, of which --retries would hide some: "
                "leave one out");
  }
  if (options.run.on_fail != "end" || is_debugged(options.run)) {
    throw usage("a test that is run again (--retries) has nobody who looks at its machine: leave "
                "--on-fail, --gdb and --gdbstub out");
  }
}

void check_watch(const Options& options) {
  if (!options.watch) {
    return;
  }
  if (options.name || options.mode != Mode::run) {
    throw Error("option --watch is for runs of FILEs; see qt-tap --help", ExitCode::usage);
  }
  if (repeats(options) || options.rerun || options.slice) {
    throw Error(
        "option --watch runs all again at each change: leave --repeat, --until-fail, --slice, "
        "--bisect and --rerun out",
        ExitCode::usage);
  }
  if (options.run.on_fail != "end" || is_debugged(options.run)) {
    throw Error("a test that is run again at each change (--watch) has nobody who looks at its "
                "machine: leave --on-fail, --gdb and --gdbstub out",
                ExitCode::usage);
  }
  if (complete_settings(options.run).under_meson) {
    throw Error("option --watch is for a person: Meson waits for the end of a test",
                ExitCode::usage);
  }
}

void check_breaks(const Options& options) {
  const auto usage = [](const char* message) { return Error(message, ExitCode::usage); };
  const RunOptions& run = options.run;
  if (run.breaks.empty()) {
    return;
  }
  if (options.name || (options.mode != Mode::run && options.mode != Mode::dry_run)) {
    throw usage("option --break is for runs of FILEs; see qt-tap --help");
  }
  if (repeats(options) || run.retries > 0 || options.watch || options.slice) {
    throw usage("a person is there for one run (--break): leave --repeat, --until-fail, --bisect, "
                "--retries, --watch and --slice out");
  }
  if (run.jobs > 1 || run.gdb) {
    throw usage("option --break: there is one terminal; leave --jobs and --gdb out");
  }
  if (std::count(run.breaks.begin(), run.breaks.end(), k_break_at_failure) > 0 &&
      run.on_fail != "end") {
    throw usage("options --break fail and --on-fail: say one of them");
  }
  if (options.mode == Mode::run && !has_terminal()) {
    throw usage("option --break: there is no terminal to give the machine to; run it at one, "
                "without Meson or with 'meson test --interactive' (Meson 1.5)");
  }
}

// A step is one of one subtest; it is looked for before anything is run.
void check_break_places(const Options& options, const std::vector<Selected>& selected) {
  for (const std::string& place : options.run.breaks) {
    if (place != k_break_at_failure && selected.size() != 1) {
      throw Error(format("option --break: a step is one of one subtest, and {} are selected; name "
                         "it with --filter",
                         selected.size()),
                  ExitCode::usage);
    }
  }
  for (const auto& [definition, subtest, checks] : selected) {
    for (std::size_t i = 0; i < subtest->phases.size(); ++i) {
      breaks_of_phase(*subtest, i, checks, options.run.breaks);
    }
  }
}

// What does not go together, or would have no effect.
void check_use(const Options& options) {
  const auto usage = [](const char* message) { return Error(message, ExitCode::usage); };
  const bool has_words = !options.run.arguments.empty();
  if (options.name ? !has_words || !options.files.empty() : has_words && options.files.empty()) {
    throw usage("--name NAME and -- COMMAND belong together, without a FILE; see qt-tap --help");
  }
  if (options.listing != nullptr && options.mode != Mode::list) {
    throw usage("--long, --json and --meson are forms of --list; see qt-tap --help");
  }
  if (options.files.empty() && !options.name) {
    throw usage("which FILE? see qt-tap --help");
  }
  if (options.slice && (options.mode == Mode::check || options.name)) {
    throw usage(
        "--slice is for runs and lists of FILEs; a mistake in one of them is one in all parts");
  }
  if (options.durations && !options.slice) {
    throw usage("--durations FILE belongs to --slice");
  }
  if (has_words && options.mode != Mode::run && options.mode != Mode::dry_run) {
    throw usage("what stands after '--' is for the machines of a run: leave it out");
  }
  if (repeats(options) && (options.mode != Mode::run || options.name)) {
    throw usage("--repeat, --until-fail and --bisect are for runs of FILEs; see qt-tap --help");
  }
  if (repeats(options) && (options.run.on_fail != "end" || is_debugged(options.run))) {
    throw usage("a run that is repeated (--repeat, --until-fail, --bisect) has nobody who looks at "
                "a machine: leave --on-fail, --gdb and --gdbstub out");
  }
  check_retries(options);
  check_watch(options);
  check_breaks(options);
  if (options.run.jobs > 1 && options.run.on_fail == "shell") {
    throw usage("option --on-fail: one terminal cannot be given to several subtests; leave --jobs "
                "out, or keep the machines");
  }
  if (options.run.jobs > 1 && options.run.gdb) {
    throw usage("option --gdb: one terminal cannot be given to several subtests; leave --jobs out");
  }
}

// What is selected of the FILEs; its status is other than `done` if that cannot be said.
ExitCode load_selected(const Options& options, std::vector<Definition>& definitions,
                       std::vector<Selected>& selected) {
  const ExitCode loaded = load_definitions(
      options.files, options.mode == Mode::check ? Warnings::show : Warnings::hide, definitions);
  const bool selects = !options.filters.empty() || options.select.has_value();
  if (loaded != ExitCode::done || (options.mode == Mode::check && !selects)) {
    return loaded;
  }
  selected = select_subtests(definitions, options.filters);
  if (options.select) {
    selected = select_by_tags(selected, *options.select);
  }
  if (options.slice) {
    selected = select_slice(selected, definitions, *options.slice,
                            options.durations.value_or(Durations()));
  }
  return ExitCode::done;
}

int run_selected(const Options& options, std::vector<Definition>& definitions,
                 const std::vector<Selected>& selected) {
  for (Definition& definition : definitions) {
    apply_options(options.run, definition);
  }
  check_break_places(options, selected);
  RunSettings settings = complete_settings(options.run);
  check_run_directories(selected, settings);
  if (options.mode == Mode::run) {
    const Names names = options.files.size() > 1 ? Names::full_names : Names::short_names;
    return repeats(options) ? run_repeated(selected, settings, names, repetition(options))
                            : run_session(selected, settings, names);
  }
  for (const auto& [definition, subtest, checks] : selected) {
    settings.checks = checks;
    write_all(STDOUT_FILENO, dry_run_text(*definition, *subtest, settings), "standard output");
  }
  return to_int(ExitCode::done);
}

// One round of --watch. A mistake in a definition is no end: whoever edits it mends it.
int run_round(const Options& options, Watch& watch) {
  for (const std::string& file : options.files) {
    watch.add(definition_and_includes(file));
  }
  std::vector<Definition> definitions;
  std::vector<Selected> selected;
  try {
    const ExitCode loaded = load_selected(options, definitions, selected);
    watch.add(emulators_of(selected, complete_settings(options.run)));
    return loaded == ExitCode::done ? run_selected(options, definitions, selected) : to_int(loaded);
  } catch (const Error& error) {
    log_error(error.what());
    return to_int(error.code());
  }
}

// Ctrl-C is how it ends.
int run_watching(const Options& options) {
  const auto ended = [](int number) {
    return number == SIGINT ? to_int(ExitCode::done) : 128 + number;
  };
  EndRequest request;
  for (;;) {
    Watch watch;
    const int status = run_round(options, watch);
    if (status > 128) {
      return ended(status - 128);
    }
    log_plain(format("watching {} files; Ctrl-C ends", watch.count()));
    const std::optional<std::string> changed = watch.wait(request);
    if (!changed) {
      return ended(*request.received());
    }
    log_plain(format("{} has changed", *changed));
  }
}

int run_files(const std::vector<std::string>& words, Options& options) {
  const std::vector<std::vector<std::string>> parts = cut_at_dashes(words, 2);
  if (!command_line(options).parse(parts[0])) {
    return to_int(ExitCode::done);
  }
  if (options.mode == Mode::schema) {
    write_all(STDOUT_FILENO, dump_json_indented(definition_schema()) + "\n", "standard output");
    return to_int(ExitCode::done);
  }
  options.run.arguments = parts.size() > 1 ? parts[1] : std::vector<std::string>();
  check_use(options);
  if (options.name) {
    return run_wrapped(*options.name, parts[1], complete_settings(options.run));
  }
  if (options.watch) {
    return run_watching(options);
  }
  std::vector<Definition> definitions;
  std::vector<Selected> selected;
  const ExitCode loaded = load_selected(options, definitions, selected);
  if (loaded != ExitCode::done || options.mode == Mode::check) {
    return to_int(loaded);
  }
  if (options.rerun) {
    selected = not_passed(selected, complete_settings(options.run), *options.rerun);
  }
  if (selected.empty() && options.mode == Mode::run) {
    TapWriter tap(STDOUT_FILENO, 1);
    tap.skip("all", options.rerun ? format("all of them have passed in {}", *options.rerun)
                                  : "no subtest that was asked for is in this slice");
    tap.finish();
    return to_int(ExitCode::done);
  }
  if (options.mode == Mode::list) {
    const Listing listing = options.listing != nullptr ? options.listing : short_listing;
    write_all(STDOUT_FILENO, listing(selected), "standard output");
    return to_int(ExitCode::done);
  }
  return run_selected(options, definitions, selected);
}

// For a bisection a mistake, too, is a commit that cannot be judged.
int run(const std::vector<std::string>& words) {
  Options options;
  try {
    const int status = run_files(words, options);
    const bool unknown = status == to_int(ExitCode::usage) || status == to_int(ExitCode::internal);
    return options.bisects && unknown ? k_cannot_be_judged : status;
  } catch (const Error& error) {
    if (!options.bisects) {
      throw;
    }
    log_error(error.what());
    return k_cannot_be_judged;
  }
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("qt-tap", argc, argv, run); }
