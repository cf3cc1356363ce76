#include "tap/prepare.hh"

#include "base/error.hh"
#include "base/shell_words.hh"
#include "cache/cache.hh"
#include "definition/made_file.hh"
#include "os/event_loop.hh"
#include "os/file.hh"
#include "os/file_lock.hh"


namespace qt {

namespace {

constexpr std::string_view k_unavailable = "asset unavailable: ";

// The reason that a program gave, without "qt-fetch: error: ".
std::string reason_of(const StageEnd& end) {
  const std::string_view line = end.last_error_line;
  constexpr std::string_view k_prefix = ": error: ";
  const std::size_t prefix = line.find(k_prefix);
  if (line.empty()) {
    return end.status.text();
  }
  return std::string(prefix == std::string_view::npos ? line
                                                      : line.substr(prefix + k_prefix.size()));
}

// What comes later than the deadline is not there: what a download has got so far is kept.
Prepared too_late(const std::string& what) {
  return {Cause::skip,
          format("{}{} in the time that --timeout gives; make the payloads before, with \"meson "
                 "compile precache\" or qt-fetch --definition",
                 k_unavailable, what),
          {}};
}

Prepared run_command(const Preparation& step, Deadline deadline, EndRequest& request,
                     const LineSink& log) {
  log("$ " + shell_join(step.command));
  const StageEnd end = run_stage(step.command, {}, deadline, request, log);
  if (end.by == StageEnd::By::deadline) {
    return too_late(end.last_error_line.empty()
                        ? step.variable + " was not ready"
                        : format("{} was not ready ({})", step.variable, reason_of(end)));
  }
  const int code = exit_status_of(end.status.wait_status);
  if (code == to_int(ExitCode::done)) {
    return {};
  }
  if (code == to_int(ExitCode::absent)) {
    const std::string reason = reason_of(end);
    const bool says_so = reason.starts_with(k_unavailable); // qt-fetch does
    return {Cause::skip, says_so ? reason : std::string(k_unavailable) + reason, {}};
  }
  return {code == to_int(ExitCode::failed) ? Cause::asset : Cause::host,
          format("{}: {}", step.variable, reason_of(end)),
          {}};
}

// Looks again and again: a blocking lock could not be given up when this program is to end. Nothing
// then, or at the deadline.
std::optional<FileLock> lock_of(const std::string& path, Deadline deadline,
                                const EndRequest& request, const LineSink& log) {
  constexpr Duration k_pause{5};
  const std::string name = made_file_lock(path);
  Deadline notice = Deadline::after(std::chrono::seconds(5));
  while (!request.received() && !deadline.expired()) {
    if (std::optional<FileLock> lock = FileLock::acquire(name)) {
      return lock;
    }
    if (notice.expired()) {
      notice = Deadline::never();
      log(format("waiting for {}, which holds {}", holder_of_lock(name), name));
    }
    wait_for(request.fd(), POLLIN, Deadline::after(k_pause));
  }
  return std::nullopt;
}

// Under a lock: another subtest or run may be about to make the same.
Prepared make_shared_file(const Preparation& step, Deadline deadline, EndRequest& request,
                          const LineSink& log) {
  make_directories(parent_of(step.path));
  const std::optional<FileLock> lock = lock_of(step.path, deadline, request, log);
  if (!lock && !request.received()) {
    const std::string name = made_file_lock(step.path);
    return too_late(format("{} holds {} and did not let go", holder_of_lock(name), name));
  }
  const MadeFile found = look_at_made_file(step.path, step.origin, look_from_environment());
  if (!lock || found == MadeFile::right) {
    return {};
  }
  if (found == MadeFile::changed) {
    log(format("{} was changed since it was made and is made anew; should it be writable?",
               step.path));
  }
  remove_made_file(step.path);
  Prepared made = run_command(step, deadline, request, log);
  if (made.cause == Cause::pass) {
    record_made_file(step.path, step.origin);
  }
  return made;
}

} // namespace

Prepared prepare(const PreparationPlan& plan, const Lookup& lookup, Deadline deadline,
                 EndRequest& request, const LineSink& log) {
  std::vector<FileLock> holds;
  for (const Preparation& step : plan.steps) {
    Prepared made;
    switch (step.kind) {
    case Preparation::Kind::there:
      if (step.variable.starts_with("asset.") && !step.command.empty() && !exists(step.path)) {
        // cleaned out since the plan was made
        made = run_command(step, deadline, request, log);
      }
      break;
    case Preparation::Kind::text:
      write_file(step.path, substitute(step.text, lookup, Pass::last));
      break;
    case Preparation::Kind::shared:
      made = make_shared_file(step, deadline, request, log);
      break;
    case Preparation::Kind::fetch:
    case Preparation::Kind::own:
      made = run_command(step, deadline, request, log);
    }
    if (made.cause != Cause::pass || request.received()) {
      return made;
    }
    if (std::optional<FileLock> hold = Cache::hold_path(step.path)) {
      holds.push_back(std::move(*hold));
    }
  }
  return {Cause::pass, "", std::move(holds)};
}

} // namespace qt
