// A guest that prints without end: through qt-boot and qt-expect, with both logs and five failure
// texts, beside cat, which only writes the same console to a file.
#include "paired.hh"
#include "peaks.hh"

#include "base/error.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace {

using namespace qt;

constexpr std::size_t k_default_mib = 1024;
constexpr std::string_view k_last = "buildroot login: ";
constexpr int k_rounds = 3;

std::string guest() { return std::getenv("QEMU_TEST_FLOODING_GUEST"); }

std::vector<std::string> chain(const std::string& folder, std::size_t mib,
                               const std::vector<std::string>& options) {
  const std::string tools = std::getenv("QEMU_TEST_TOOLS_DIR");
  std::vector<std::string> argv = {tools + "/qt-boot",
                                   "--run-dir",
                                   folder + "/run",
                                   "--qemu",
                                   guest(),
                                   "--qmp",
                                   "false",
                                   "--",
                                   std::to_string(mib),
                                   "--",
                                   tools + "/qt-expect"};
  for (const char* const failure : {"Kernel panic - not syncing", "Unable to mount root",
                                    "Oops: ", "Segmentation fault", "general protection"}) {
    argv.insert(argv.end(), {"--fail", failure});
  }
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {"--wait", std::string(k_last)});
  return argv;
}

// What is kept of the console and what the log says to be left out are together what was printed.
void check_log(const std::string& folder, std::size_t mib) {
  const std::uint64_t printed = mib * 1024 * 1024 + k_last.size();
  const std::string path = folder + "/run/console.log";
  std::uint64_t size = std::filesystem::file_size(path);
  const std::string tail = read_tail(path, 70 << 20);
  if (!tail.ends_with(k_last)) {
    throw Error("the console's log does not end with its last line");
  }
  if (const std::size_t note = tail.find(" are left out here"); note != std::string::npos) {
    const std::size_t begin = tail.rfind("\n[", note);
    size -= tail.find("]\n", note) + 2 - begin;
    size += std::stoull(tail.substr(begin + 2));
  }
  if (size != printed) {
    throw Error(format("the console's log knows of {} bytes of {}", size, printed));
  }
}

bench::Peaks run_chain(const std::string& folder, std::size_t mib,
                       const std::vector<std::string>& options) {
  const std::string errors = folder + "/errors";
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  const UniqueFd error = open_file(errors, O_WRONLY | O_CREAT | O_TRUNC);
  SpawnOptions spawn;
  spawn.standard_input = null.get();
  spawn.standard_output = null.get();
  spawn.standard_error = error.get();
  Process boot = Process::spawn(chain(folder, mib, options), spawn);
  const bench::Peaks peaks = bench::peaks_until_end(boot, 20000);
  if (boot.wait(Deadline::never())->wait_status != 0) {
    throw Error(format("the chain failed: {}", read_file(errors)));
  }
  return peaks;
}

// The same socket, and a reader that does nothing but write a file.
void run_cat(const std::string& folder, std::size_t mib) {
  FdPair pair = make_socket_pair();
  const int room = 4 << 20;
  ::setsockopt(pair.second.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  UniqueFd file = open_file(folder + "/cat", O_WRONLY | O_CREAT | O_TRUNC);
  SpawnOptions options;
  options.standard_input = pair.first.get();
  options.standard_output = file.get();
  Process cat = Process::spawn({"cat"}, options);
  SpawnOptions of_guest;
  of_guest.standard_input = null.get();
  of_guest.keep = {pair.second.get()};
  Process printing =
      Process::spawn({guest(), "-chardev", format("socket,id=console,fd={}", pair.second.get()),
                      std::to_string(mib)},
                     of_guest);
  pair.first.reset();
  pair.second.reset();
  const std::uint64_t all = mib * 1024 * 1024 + k_last.size();
  while (std::filesystem::file_size(folder + "/cat") < all && !printing.poll()) {
    ::usleep(1000);
  }
  printing.send_signal(SIGTERM);
  printing.wait(Deadline::never());
  cat.wait(Deadline::never());
}

void compare(const char* what, std::size_t mib, const std::vector<std::string>& options) {
  const TempDir folder("console-bench-");
  bench::Peaks peaks;
  const bench::Pairs pairs = bench::measure(
      k_rounds, [&] { peaks = run_chain(folder.path(), mib, options); },
      [&] { run_cat(folder.path(), mib); });
  check_log(folder.path(), mib);
  const auto rate = [mib](const std::vector<double>& seconds) {
    return static_cast<double>(mib) / bench::median(seconds);
  };
  bench::print(
      format("console of {} MiB, {}: qt-boot and qt-expect {:.0f} MiB/s, cat {:.0f} MiB/s, "
             "ratio {:.2f} (medians of {} pairs)\n  peak MiB:{}",
             mib, what, rate(pairs.ours), rate(pairs.theirs), 1 / pairs.ratio(), k_rounds,
             bench::text(peaks)));
}

} // namespace

// The argument is how many MiB, where it is not 1 GiB.
int main(int argc, char** argv) {
  try {
    const std::size_t mib = argc > 1 ? std::stoul(argv[1]) : k_default_mib;
    compare("5 failure texts", mib, {});
    compare("5 failure texts, strip-ansi, ignore-printk", mib, {"--strip-ansi", "--ignore-printk"});
    compare("5 failure texts, an echo that does not come", mib, {"--line", "reboot"});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
