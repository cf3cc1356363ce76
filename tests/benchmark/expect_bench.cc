// A boot log, what is awaited last: qt-expect and those who stop at the first match as well. grep
// reads 256 MiB from a pipe; what is slower, and takes a log from a terminal, a smaller one.
#include "boot_log.hh"
#include "paired.hh"
#include "peers.hh"

#include "base/error.hh"
#include "base/shell_words.hh"

#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace qt;

constexpr std::size_t k_mib = 1024UL * 1024;
constexpr std::size_t k_large = 256;
constexpr std::size_t k_small = 16;
constexpr const char* k_last = "buildroot login: ";
const std::vector<std::string> k_failures = {
    "Kernel panic - not syncing", "Unable to mount root", "Oops: ",     "BUG: ",
    "Segmentation fault",         "general protection",   "Call Trace:"};

void run(const std::vector<std::string>& argv) {
  const auto done = run_captured(argv, {}, Deadline::never());
  if (done->status.wait_status != 0) {
    throw Error(format("failed: {}: {}{}", shell_join(argv), done->out, done->err));
  }
}

void compare(const std::string& what, std::size_t mib, int rounds,
             const std::vector<std::string>& ours, const char* name,
             const std::vector<std::string>& theirs) {
  const bench::Pairs pairs = bench::measure(
      rounds, [&] { run(ours); }, [&] { run(theirs); });
  const auto rate = [&](std::vector<double> seconds) {
    return static_cast<double>(mib) / bench::median(std::move(seconds));
  };
  bench::print(format("{}, {} MiB: qt-expect {:.0f} MiB/s, {} {:.0f} MiB/s, ratio {:.2f} "
                      "(medians of {} pairs)",
                      what, mib, rate(pairs.ours), name, rate(pairs.theirs), 1 / pairs.ratio(),
                      rounds));
}

enum class Kind { texts, expressions };

// `count` patterns that do not come; they differ from the eighth on by a number.
std::vector<std::string> failures(std::size_t count, Kind kind) {
  std::vector<std::string> patterns;
  for (std::size_t i = 0; i < count; ++i) {
    patterns.push_back(k_failures[i % k_failures.size()]);
    patterns.back() += i < k_failures.size() ? "" : format("no {}", i);
    patterns.back() += kind == Kind::expressions ? "[0-9]+" : "";
  }
  return patterns;
}

std::vector<std::string> ours(const std::string& log, std::size_t count, Kind kind) {
  const bool regex = kind == Kind::expressions;
  std::string line = format("cat {} | {}/qt-expect", log, std::getenv("QEMU_TEST_TOOLS_DIR"));
  for (const std::string& failure : failures(count - 1, kind)) {
    line += format(" --fail{} {}", regex ? "-regex" : "", shell_quote(failure));
  }
  line += regex ? " --wait-regex 'buildroot [a-z]+: '" : format(" --wait '{}'", k_last);
  return {"sh", "-c", line};
}

std::vector<std::string> grep(const std::string& log, std::size_t count, Kind kind) {
  std::string line = format("cat {} | LC_ALL=C grep -a -q -m1 {} -e '{}'", log,
                            kind == Kind::expressions ? "-E" : "-F", k_last);
  for (const std::string& failure : failures(count - 1, kind)) {
    line += " -e " + shell_quote(failure);
  }
  return {"sh", "-c", line};
}

void compare_with_grep(const std::string& log) {
  constexpr int k_rounds = 5;
  compare("8 texts, grep has 2", k_large, k_rounds, ours(log, 8, Kind::texts), "grep -m1 -F",
          grep(log, 2, Kind::texts));
  for (const std::size_t count : {1u, 8u, 64u}) {
    compare(format("{} texts", count), k_large, k_rounds, ours(log, count, Kind::texts),
            "grep -m1 -F", grep(log, count, Kind::texts));
    compare(format("{} expressions", count), k_large, k_rounds, ours(log, count, Kind::expressions),
            "grep -m1 -E", grep(log, count, Kind::expressions));
  }
}

// The log's path and the texts are the arguments; the first text is awaited.
constexpr const char* k_expect_script = R"(
log_user 0
set timeout -1
set log [lindex $argv 0]
set cases {}
foreach text [lrange $argv 2 end] { lappend cases -exact $text { exit 3 } }
lappend cases -exact [lindex $argv 1] { exit 0 } eof { exit 4 }
spawn -noecho cat $log
expect {*}$cases
)";

// In its fastest form: no pauses, large reads.
constexpr const char* k_pexpect_script = R"(
import subprocess, sys, pexpect.fdpexpect
cat = subprocess.Popen(['cat', sys.argv[1]], stdout=subprocess.PIPE)
console = pexpect.fdpexpect.fdspawn(cat.stdout, timeout=None, maxread=65536)
console.delayafterread = None
sys.exit(3 if console.expect_exact(sys.argv[2:]) else 0)
)";

void compare_with_dialogues(const std::string& folder, const std::string& log) {
  constexpr int k_rounds = 3;
  std::vector<std::string> arguments = {log, k_last};
  arguments.insert(arguments.end(), k_failures.begin(), k_failures.end());
  const auto race = [&](const char* name, std::vector<std::string> theirs) {
    theirs.insert(theirs.end(), arguments.begin(), arguments.end());
    compare("8 texts", k_small, k_rounds, ours(log, 8, Kind::texts), name, theirs);
  };
  if (find_program("expect")) {
    write_file(folder + "/log.exp", k_expect_script);
    race("expect", {"expect", folder + "/log.exp"});
  } else {
    bench::print("expect: skipped, not installed");
  }
  if (const auto python = bench::python_with_pexpect()) {
    race("pexpect", {*python, "-c", k_pexpect_script});
  } else {
    bench::print("pexpect: skipped, not installed");
  }
}

} // namespace

int main() {
  try {
    const TempDir folder("expect-bench-");
    const std::string log = folder.path() + "/log";
    write_file(log, bench::make_log(k_large * k_mib) + k_last);
    compare_with_grep(log);
    write_file(log, bench::make_log(k_small * k_mib) + k_last);
    compare_with_dialogues(folder.path(), log);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
