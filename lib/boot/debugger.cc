#include "boot/debugger.hh"

#include "base/error.hh"
#include "os/file.hh"

namespace qt {

namespace {

// A shell with job control gives the terminal to what it runs, and takes it back: else Ctrl-C would
// end the whole chain.
constexpr const char* k_in_front = "set -m; \"$@\"";

// As the program ended, so does gdb.
constexpr const char* k_end_with_it =
    "python gdb.events.exited.connect(lambda end: gdb.post_event(lambda: gdb.execute('quit %d' % "
    "getattr(end, 'exit_code', 143))))";

} // namespace

std::vector<std::string> under_gdb(const std::vector<std::string>& argv) {
  const char* program = nullptr;
  for (const char* const name : {"gdb", "gdb-multiarch"}) {
    program = program == nullptr && find_program(name) ? name : program;
  }
  if (program == nullptr) {
    throw Error("starting gdb: no such program; install it", ExitCode::not_found);
  }
  // QEMU's threads wake each other by signals.
  std::vector<std::string> words = {"/bin/sh", "-c", k_in_front, "sh", program, "-q"};
  for (const char* const command :
       {"set confirm off", "set startup-with-shell off", "set breakpoint pending on",
        "handle SIGUSR1 SIGUSR2 nostop noprint pass", k_end_with_it}) {
    words.insert(words.end(), {"-ex", command});
  }
  words.emplace_back("--args");
  words.insert(words.end(), argv.begin(), argv.end());
  return words;
}

} // namespace qt
