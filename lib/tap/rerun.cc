#include "tap/rerun.hh"

#include "base/error.hh"
#include "base/exit_code.hh"
#include "base/format.hh"
#include "ipc/verdict.hh"
#include "os/file.hh"

#include <optional>

namespace qt {

std::vector<Selected> not_passed(const std::vector<Selected>& selected, RunSettings settings,
                                 const std::string& results) {
  if (!exists(results)) {
    throw Error(format("option --rerun: there is no folder {}", results), ExitCode::usage);
  }
  settings.results = absolute_path(results);
  settings.iteration = 1;
  std::vector<Selected> left;
  for (const Selected& test : selected) {
    const std::string run_dir = run_dir_of(*test.definition, *test.subtest, settings);
    const std::optional<Verdict> verdict = read_verdict(run_dir);
    const bool has_passed =
        verdict && (verdict->cause == Cause::pass || verdict->cause == Cause::flaky);
    if (!has_passed || !verdict->touched.empty()) { // else it has passed by itself
      left.push_back(test);
    }
  }
  return left;
}

} // namespace qt
