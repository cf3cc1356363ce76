#include "tap/wrap.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"

#include <unistd.h>

namespace qt {

namespace {

constexpr std::size_t k_comment_lines = 20;
constexpr std::uint64_t k_most_shown = 256 << 20; // of what goes to people, or to Meson's log

std::string reason_of(const StageEnd& end, std::optional<Duration> timeout, EndRequest& request) {
  switch (end.by) {
  case StageEnd::By::deadline:
    return "timeout: still running after " + scaled_text(timeout.value_or(Duration::zero()));
  case StageEnd::By::signal:
    return "ended by " + signal_name(request.received().value_or(0));
  default:
    return end.status.text();
  }
}

} // namespace

void wrap_command(const std::string& name, const std::vector<std::string>& command,
                  std::optional<Duration> timeout, EndRequest& request, TapWriter& tap) {
  const std::optional<Duration> actual = scaled(timeout);
  SpawnOptions options;
  options.standard_input = STDIN_FILENO;
  options.descendants = SpawnOptions::Descendants::end_with_it;
  StageEnd end;
  std::uint64_t said = 0;
  try {
    end = run_stage(command, options, actual ? Deadline::after(*actual) : Deadline::never(),
                    request, [&said](std::string_view line) {
                      said += line.size() + 1;
                      if (said <= k_most_shown) {
                        log_plain(line);
                      }
                    });
  } catch (const Error& error) {
    log_error(error.what());
    tap.not_ok(name);
    tap.comment(error.what());
    return;
  }
  if (said > k_most_shown) {
    log_warning(format("the command wrote {}; what is over {} is left out", format_size(said),
                       format_size(k_most_shown)));
  }
  const int code = exit_status_of(end.status.wait_status);
  if (end.by == StageEnd::By::itself && code == to_int(ExitCode::done)) {
    tap.ok(name);
    return;
  }
  if (end.by == StageEnd::By::itself && code == to_int(ExitCode::absent)) {
    tap.skip(name, end.last_error_line.empty() ? "the command says so" : end.last_error_line);
    return;
  }
  const std::string reason = reason_of(end, timeout, request);
  log_error(format("{}: {}", name, reason));
  tap.not_ok(name);
  tap.comment(reason);
  const std::size_t skipped =
      end.last_lines.size() - std::min(end.last_lines.size(), k_comment_lines);
  for (std::size_t i = skipped; i < end.last_lines.size(); ++i) {
    tap.comment(end.last_lines[i]);
  }
}

} // namespace qt
