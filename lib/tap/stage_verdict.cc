#include "tap/stage_verdict.hh"

#include "base/exit_code.hh"

namespace qt {

Verdict verdict_of(Cause cause, const std::string& message) {
  Verdict verdict;
  verdict.cause = cause;
  verdict.message = message;
  return verdict;
}

Verdict ended_by(const EndRequest& request) {
  return verdict_of(Cause::host, "ended by " + signal_name(request.received().value_or(0)));
}

Verdict stage_verdict(const std::string& run_dir, const StageEnd& end, const EndRequest& request) {
  const std::optional<Verdict> found = read_verdict(run_dir);
  const bool tells = found && found->cause != Cause::pass && found->cause != Cause::skip;
  if (end.by == StageEnd::By::signal) {
    return tells ? *found : ended_by(request);
  }
  const int code = exit_status_of(end.status.wait_status);
  if (code == to_int(ExitCode::absent)) {
    Verdict skip = found.value_or(Verdict());
    skip.message = skip.cause == Cause::skip ? skip.message : end.last_error_line;
    skip.cause = Cause::skip;
    return skip;
  }
  if (tells) {
    return *found;
  }
  if (end.by == StageEnd::By::deadline || code == to_int(ExitCode::deadline)) {
    return verdict_of(Cause::timeout, "the deadline passed");
  }
  const std::string& said = end.last_error_line;
  return verdict_of(code == to_int(ExitCode::failed) ? Cause::assertion : Cause::host,
                    said.empty() ? end.status.text() : said);
}

} // namespace qt
