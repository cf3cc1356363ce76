#include "record/replay.hh"

#include "base/error.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "os/process.hh"

namespace qt {

namespace {

// The folder that has a verdict: FOLDER/ARCH/FILE.TEST.
std::string run_directory_in(const std::string& folder, unsigned depth = 0) {
  constexpr unsigned k_deepest = 3;
  std::error_code unreadable;
  if (exists(folder + "/verdict.json")) {
    return folder;
  }
  if (depth < k_deepest) {
    for (const std::string& name : names_in(folder, unreadable)) {
      const std::string found = run_directory_in(folder + "/" + name, depth + 1);
      if (!found.empty()) {
        return found;
      }
    }
  }
  return "";
}

} // namespace

Replay replay(const std::string& definition, const std::string& emulator,
              const std::string& folder) {
  remove_tree(folder);
  make_directories(folder);
  const Captured run =
      run_captured({sibling_program("qt-tap"), "--output", folder, "--qemu", emulator, definition},
                   {}, Deadline::never())
          .value();
  Replay result;
  result.report = run.out + run.err;
  const std::string run_dir = run_directory_in(folder);
  if (!run_dir.empty()) {
    result.verdict = read_verdict(run_dir);
    result.console = read_file_if_exists(console_log_path(run_dir, k_default_vm)).value_or("");
  }
  result.passed = exit_status_of(run.status.wait_status) == 0 && result.verdict &&
                  result.verdict->cause == Cause::pass;
  return result;
}

std::string check_definition(const std::string& definition) {
  const Captured check =
      run_captured({sibling_program("qt-tap"), "--check", definition}, {}, Deadline::never())
          .value();
  return check.status.wait_status == 0 ? "" : check.out + check.err;
}

} // namespace qt
