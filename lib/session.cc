#include "session.hh"

#include "cli.hh"
#include "file.hh"
#include "log.hh"
#include "report.hh"
#include "text.hh"

#include <cstdlib>
#include <unistd.h>

namespace qt {

namespace {

// The command line that runs one subtest again.
std::string again(const Selected& test, const Outcome& outcome, const SessionOptions& options) {
  std::vector<std::string> words = {sibling_program("qt-tap")};
  const auto add = [&words](const char* option, const std::string& value) {
    words.insert(words.end(), {option, value});
  };
  const RunSettings& settings = options.settings;
  if (!settings.qemu.empty()) {
    add("--qemu", outcome.emulator);
  }
  if (options.has_output) {
    add("--output", settings.output);
  }
  if (!settings.prepared.empty()) {
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

} // namespace

int session_status(const TapWriter& tap, EndRequest& request) {
  if (request.received()) {
    return 128 + *request.received();
  }
  const bool is_meson = std::getenv("MESON_TEST_ITERATION") != nullptr;
  return to_int(tap.failures() > 0 && !is_meson ? ExitCode::failed : ExitCode::done);
}

int run_session(const std::vector<Selected>& selected, const SessionOptions& options) {
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
      outcome = run_subtest(*test.definition, *test.subtest, options.settings, options.keep_scratch,
                            budget, request);
      command = again(test, outcome, options);
    }
    const std::string name = options.names == Names::full_names
                                 ? full_name(*test.definition, *test.subtest)
                                 : test.subtest->name;
    tell(test, name, outcome, command, tap);
  }
  tap.finish();
  return session_status(tap, request);
}

} // namespace qt
