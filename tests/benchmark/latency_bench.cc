// From a byte on the console to the reply that is typed: what a guest sees of qt-boot's relay and
// qt-expect together, and of expect and pexpect, which talk to it directly. The guest measures.
#include "paired.hh"
#include "peers.hh"

#include "base/error.hh"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace qt;

constexpr int k_rounds = 2000;
constexpr int k_repetitions = 3;

// Arguments: the guest, how many rounds, its report.
constexpr const char* k_expect_script = R"(
log_user 0
set timeout -1
lassign $argv guest rounds report
spawn -noecho $guest $rounds $report
for {set i 0} {$i < $rounds} {incr i} {
  expect -exact "round $i => "
  send "reply $i\r"
}
expect -exact "all done"
)";

// Without the pauses that it makes by itself (50 ms before each line, 0.1 ms after each read).
constexpr const char* k_pexpect_script = R"(
import sys, pexpect
guest, rounds, report = sys.argv[1:]
console = pexpect.spawn(guest, [rounds, report], timeout=None)
console.delaybeforesend = console.delayafterread = None
for i in range(int(rounds)):
    console.expect_exact('round %d => ' % i)
    console.send('reply %d\r' % i)
console.expect_exact('all done')
)";

// As it comes, on a socket.
constexpr const char* k_pexpect_socket_script = R"(
import socket, subprocess, sys, pexpect.fdpexpect
ours, its = socket.socketpair()
guest = subprocess.Popen(sys.argv[1:], stdin=its, stdout=its)
its.close()
console = pexpect.fdpexpect.fdspawn(ours.fileno(), timeout=None)
for i in range(int(sys.argv[2])):
    console.expect_exact('round %d => ' % i)
    console.send('reply %d\r' % i)
console.expect_exact('all done')
ours.close()
guest.wait()
)";

struct Contestant {
  std::string name;
  std::vector<std::string> argv;
  std::vector<double> microseconds = {};
};

Contestant ours(const std::string& guest, const std::string& report, const std::string& folder) {
  const std::string tools = std::getenv("QEMU_TEST_TOOLS_DIR");
  Contestant chain{"qt-boot and qt-expect",
                   {tools + "/qt-boot", "--run-dir", folder + "/run", "--qemu", guest, "--qmp",
                    "false", "--", std::to_string(k_rounds), report, "--", tools + "/qt-expect"}};
  for (int i = 0; i < k_rounds; ++i) {
    chain.argv.insert(chain.argv.end(),
                      {"--wait", format("round {} => ", i), "--line", format("reply {}", i)});
  }
  chain.argv.insert(chain.argv.end(), {"--wait", "all done"});
  return chain;
}

std::vector<Contestant> contestants(const std::string& folder, const std::string& report) {
  const std::string guest = std::getenv("QEMU_TEST_PROMPTING_GUEST");
  const std::vector<std::string> arguments = {guest, std::to_string(k_rounds), report};
  std::vector<Contestant> all = {ours(guest, report, folder)};
  const auto add = [&](const char* name, std::vector<std::string> argv) {
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    all.push_back({name, std::move(argv)});
  };
  if (find_program("expect")) {
    write_file(folder + "/talk.exp", k_expect_script);
    add("expect, terminal", {"expect", folder + "/talk.exp"});
  } else {
    bench::print("expect: skipped, not installed");
  }
  if (const auto python = bench::python_with_pexpect()) {
    add("pexpect without its pauses, terminal", {*python, "-c", k_pexpect_script});
    add("pexpect as it comes, socket", {*python, "-c", k_pexpect_socket_script});
  } else {
    bench::print("pexpect: skipped, not installed");
  }
  return all;
}

void run(Contestant& contestant, const std::string& report) {
  const auto done = run_captured(contestant.argv, {}, Deadline::after(std::chrono::minutes(1)));
  const auto times = read_file_if_exists(report);
  if (!done || done->status.wait_status != 0 || !times) {
    throw Error(format("{} failed: {}", contestant.name, done ? done->err : "time-out"));
  }
  std::vector<std::string> lines = split(trim(*times), '\n');
  for (std::size_t i = 1; i < lines.size(); ++i) { // the first has the other's start in it
    contestant.microseconds.push_back(std::stod(lines[i]));
  }
  remove_tree(report);
}

void run_all() {
  const TempDir folder("latency-bench-");
  const std::string report = folder.path() + "/report";
  std::vector<Contestant> all = contestants(folder.path(), report);
  for (int i = 0; i < k_repetitions; ++i) {
    for (Contestant& contestant : all) {
      run(contestant, report);
    }
  }
  double ours = 0;
  for (Contestant& contestant : all) {
    std::vector<double>& times = contestant.microseconds;
    std::sort(times.begin(), times.end());
    const double median = bench::median(times);
    const bool is_ours = &contestant == &all.front();
    ours = is_ours ? median : ours;
    bench::print(format("prompt to reply, {}: median {:.1f} µs, 99th percentile {:.1f} µs{} "
                        "({} exchanges)",
                        contestant.name, median, times[times.size() * 99 / 100],
                        is_ours ? "" : format(", ratio {:.2f}", ours / median), times.size()));
  }
}

} // namespace

int main() {
  try {
    run_all();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
