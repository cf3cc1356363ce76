// qt-tap: runs the subtests of definitions and says in TAP how they ended; or lists, checks or
// prints them; or wraps any command as a test of one result.
#include "cli.hh"
#include "definition.hh"
#include "dry_run.hh"
#include "error.hh"
#include "file.hh"
#include "log.hh"
#include "report.hh"
#include "runner.hh"
#include "tap.hh"
#include "text.hh"
#include "wrap.hh"

#include <cstdlib>
#include <fnmatch.h>
#include <unistd.h>

namespace {

using namespace qt;

enum class Mode { run, list, check, dry_run };

struct Options {
  std::vector<std::string> files;
  std::vector<std::string> filters;
  std::optional<std::string> name;
  std::optional<std::string> output;
  std::optional<std::string> prepared;
  std::optional<std::string> qemu;
  std::optional<Duration> timeout;
  bool keep_scratch = false;
  Mode mode = Mode::run;
};

struct Selected {
  const Definition* definition;
  const Subtest* subtest;
};

std::string environment(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr ? value : "";
}

CommandLine command_line(Options& options) {
  CommandLine line("[OPTION]... FILE...\n       qt-tap --name NAME [--timeout TIME] -- COMMAND...",
                   "Runs the tests that FILEs define, or any COMMAND, and reports in TAP.");
  const auto mode = [&options](Mode chosen) {
    return [&options, chosen] { options.mode = chosen; };
  };
  line.operands(options.files)
      .group("What to do instead of running")
      .flag("list", "one subtest a line, with what it is about", mode(Mode::list))
      .flag("check", "say what is wrong in the FILEs, all of it", mode(Mode::check))
      .flag("dry-run", "the commands, ready to paste into a shell", mode(Mode::dry_run))
      .option("name", "NAME", "run COMMAND as the test NAME", options.name)
      .group("Running")
      .option("filter", "GLOB", "subtests called so, or ARCH/FILE:SUBTEST; may be repeated",
              options.filters)
      .option("timeout", "for all subtests together, without preparing files", options.timeout)
      .option("qemu", "PROGRAM", "the emulator, whatever else is said about it", options.qemu)
      .option("output", "DIR",
              "for run directories; default: tests/functional in the build folder, else "
              "qt-tap-output here",
              options.output)
      .option("prepared", "DIR", "where files may have been made already", options.prepared)
      .flag("keep-scratch", "leave the scratch folders", options.keep_scratch)
      .example("qt-tap --filter 'boot*' tests/functional/arm/canona1100.toml")
      .exit_codes("0 all passed or skipped (under Meson: all were run), 1 a subtest\n"
                  "failed, 2 usage or a mistake in a FILE, 99 a FILE cannot be read, 128+n ended\n"
                  "by signal n");
  return line;
}

// All mistakes of all files at once, on stderr; then the exit code is not `done`.
ExitCode load_all(const std::vector<std::string>& files, std::vector<Definition>& definitions) {
  ExitCode worst = ExitCode::done;
  for (const std::string& file : files) {
    try {
      definitions.push_back(load_definition(file));
      log_info(format("{}: ok", file));
    } catch (const Error& error) {
      const bool is_mistake = error.code() == ExitCode::usage;
      for (const std::string& line : split(error.what(), '\n')) {
        is_mistake ? log_plain(line) : log_error(line);
      }
      worst = is_mistake && worst == ExitCode::done ? ExitCode::usage
              : is_mistake                          ? worst
                                                    : error.code();
    }
  }
  return worst;
}

std::vector<Selected> select(const std::vector<Definition>& definitions,
                             const std::vector<std::string>& filters) {
  std::vector<Selected> selected;
  for (const Definition& definition : definitions) {
    for (const Subtest& subtest : definition.subtests) {
      bool wanted = filters.empty();
      for (const std::string& filter : filters) {
        for (const std::string& name : {subtest.name, full_name(definition, subtest)}) {
          wanted = wanted || name == filter || ::fnmatch(filter.c_str(), name.c_str(), 0) == 0;
        }
      }
      if (wanted) {
        selected.push_back({&definition, &subtest});
      }
    }
  }
  if (selected.empty() && !filters.empty()) {
    throw Error(format("no subtest is called '{}'; see qt-tap --list", join(filters, "' or '")),
                ExitCode::usage);
  }
  return selected;
}

RunSettings settings_from(const Options& options) {
  RunSettings settings;
  settings.programs = {sibling_program("qt-boot"), sibling_program("qt-expect"),
                       sibling_program("qt-fetch"), sibling_program("qt-extract")};
  const std::string build = find_build_folder();
  settings.build = build.empty() ? absolute_path(".") : build;
  settings.output = absolute_path(options.output.value_or(
      build.empty() ? std::string("qt-tap-output") : build + "/tests/functional"));
  settings.prepared = options.prepared ? absolute_path(*options.prepared) : "";
  settings.qemu = options.qemu.value_or("");
  settings.iteration =
      static_cast<int>(parse_integer(environment("MESON_TEST_ITERATION")).value_or(1));
  return settings;
}

void list(const std::vector<Selected>& selected) {
  std::string text;
  for (const auto& [definition, subtest] : selected) {
    const bool has_own = !subtest->summary.empty() && subtest->summary != definition->summary;
    text += format("{}\t{}{}\n", full_name(*definition, *subtest), definition->summary,
                   has_own ? ": " + subtest->summary : "");
  }
  write_all(STDOUT_FILENO, text, "standard output");
}

void print_commands(const std::vector<Selected>& selected, const RunSettings& settings) {
  for (const auto& [definition, subtest] : selected) {
    write_all(STDOUT_FILENO, dry_run_text(*definition, *subtest, settings), "standard output");
  }
}

// The command line that runs one subtest again.
std::string again(const Selected& test, const Outcome& outcome, const Options& options,
                  const RunSettings& settings) {
  std::vector<std::string> words = {sibling_program("qt-tap")};
  const auto add = [&words](const char* option, const std::string& value) {
    words.insert(words.end(), {option, value});
  };
  if (options.qemu) {
    add("--qemu", outcome.emulator);
  }
  if (options.output) {
    add("--output", settings.output);
  }
  if (options.prepared) {
    add("--prepared", settings.prepared);
  }
  if (options.timeout) {
    add("--timeout", format_duration(*options.timeout));
  }
  add("--filter", test.subtest->name);
  words.push_back(absolute_path(test.definition->path));
  const std::string emulator =
      outcome.emulator.empty() ? ""
                               : format("{}={} ", k_qemu_variable, shell_quote(outcome.emulator));
  return emulator + shell_join(words);
}

void tell(const Selected& test, const std::string& name, const Outcome& outcome,
          const std::string& command, TapWriter& tap) {
  if (outcome.verdict.cause == Cause::pass) {
    tap.ok(name);
    return;
  }
  if (outcome.verdict.cause == Cause::skip) {
    tap.skip(name, outcome.verdict.message);
    return;
  }
  tap.not_ok(name);
  tap.comment(cause_line(outcome.verdict));
  if (command.empty()) { // it was not run
    return;
  }
  if (!outcome.run_dir.empty()) {
    tap.comment("logs: " + outcome.run_dir);
  }
  const std::vector<std::string> lines =
      failure_lines(full_name(*test.definition, *test.subtest), outcome, command);
  log_error(lines[0]);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    log_plain(lines[i]);
  }
}

// Meson takes a complete stream with exit 0 for what it says, and one with exit 1 for an error.
int exit_status(const TapWriter& tap, EndRequest& request) {
  if (request.received()) {
    return 128 + *request.received();
  }
  const bool is_meson = !environment("MESON_TEST_ITERATION").empty();
  return to_int(tap.failures() > 0 && !is_meson ? ExitCode::failed : ExitCode::done);
}

int run_all(const std::vector<Selected>& selected, const Options& options,
            const RunSettings& settings) {
  const bool keeps = options.keep_scratch || !environment("QEMU_TEST_KEEP_SCRATCH").empty();
  const bool has_several = options.files.size() > 1;
  EndRequest request;
  TimeBudget budget(options.timeout);
  TapWriter tap(STDOUT_FILENO, selected.size());
  for (const Selected& test : selected) {
    Outcome outcome;
    std::string command;
    if (request.received() || budget.is_used_up()) {
      outcome.verdict.cause = request.received() ? Cause::host : Cause::timeout;
      outcome.verdict.message =
          "not run: " + (request.received() ? "ended by " + signal_name(*request.received())
                                            : "the deadline passed");
    } else {
      outcome = run_subtest(*test.definition, *test.subtest, settings,
                            keeps ? KeepScratch::yes : KeepScratch::no, budget, request);
      command = again(test, outcome, options, settings);
    }
    const std::string name =
        has_several ? full_name(*test.definition, *test.subtest) : test.subtest->name;
    tell(test, name, outcome, command, tap);
  }
  tap.finish();
  return exit_status(tap, request);
}

int wrap(const Options& options, const std::vector<std::string>& command) {
  EndRequest request;
  TapWriter tap(STDOUT_FILENO, 1);
  wrap_command(*options.name, command, options.timeout, request, tap);
  tap.finish();
  return exit_status(tap, request);
}

int run(const std::vector<std::string>& words) {
  const std::vector<std::vector<std::string>> parts = cut_at_dashes(words, 2);
  Options options;
  if (!command_line(options).parse(parts[0])) {
    return to_int(ExitCode::done);
  }
  const bool has_command = parts.size() > 1 && !parts[1].empty();
  if (options.name.has_value() != has_command || (has_command && !options.files.empty())) {
    throw Error("--name NAME and -- COMMAND belong together, without a FILE; see qt-tap --help",
                ExitCode::usage);
  }
  if (has_command) {
    return wrap(options, parts[1]);
  }
  if (options.files.empty()) {
    throw Error("which FILE? see qt-tap --help", ExitCode::usage);
  }
  std::vector<Definition> definitions;
  const ExitCode loaded = load_all(options.files, definitions);
  if (loaded != ExitCode::done || options.mode == Mode::check) {
    return to_int(loaded);
  }
  const std::vector<Selected> selected = select(definitions, options.filters);
  const RunSettings settings = settings_from(options);
  if (options.mode == Mode::list) {
    list(selected);
  } else if (options.mode == Mode::dry_run) {
    print_commands(selected, settings);
  } else {
    return run_all(selected, options, settings);
  }
  return to_int(ExitCode::done);
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("qt-tap", argc, argv, run); }
