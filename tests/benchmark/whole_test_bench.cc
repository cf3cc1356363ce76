// What qt-tap adds around QEMU: whole tests against QEMU driven by hand with the same arguments and
// the same last string. Wall-clock time, processor time of all processes together, and the most
// memory that each of our programs has taken.
#include "base/error.hh"
#include "base/text.hh"
#include "cache/cache.hh"
#include "os/file.hh"
#include "os/process.hh"
#include "paired.hh"
#include "peaks.hh"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace qt;
using namespace std::chrono_literals;

// The payload of rx/gdbsim:uboot.
constexpr const char* k_uboot = "dd7dd4220cccf7aeb32227b26233bf39600db05c3f8e26005bcc2bf6c927207d";

// Reads `fd` until `wanted` has come; gives up after half a minute.
void read_until(int fd, std::string_view wanted) {
  const Deadline deadline = Deadline::after(30s);
  std::string seen;
  std::array<std::byte, 65536> buffer;
  while (seen.find(wanted) == std::string::npos) {
    pollfd polled = {fd, POLLIN, 0};
    if (::poll(&polled, 1, deadline.poll_timeout()) == 0) {
      throw Error(format("QEMU driven by hand does not come to '{}'", wanted));
    }
    const IoCount got = read_some(fd, buffer);
    if (got.result == IoResult::ended) {
      throw Error(format("QEMU ended before '{}'", wanted));
    }
    seen += text_of(std::span(buffer).first(got.count));
  }
}

// One run of QEMU: the arguments that qt-boot gives it, with one socket pair for what is read.
struct Bare {
  std::vector<std::string> argv;
  const char* last; // ends it
  const char* said = "";
  const char* channel = "console"; // or "mon"
};

void run_bare(const Bare& bare) {
  FdPair pair = make_socket_pair();
  // A simple UART drops what the socket does not take, and some then stay silent for ever.
  const int room = 4 << 20;
  ::setsockopt(pair.second.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  SpawnOptions options;
  options.standard_input = null.get();
  options.standard_output = null.get();
  options.standard_error = null.get();
  options.keep = {pair.second.get()};
  std::vector<std::string> argv = {bare.argv[0],
                                   "-display",
                                   "none",
                                   "-vga",
                                   "none",
                                   "-chardev",
                                   format("socket,id={},fd={}", bare.channel, pair.second.get())};
  argv.insert(argv.end(), bare.argv.begin() + 1, bare.argv.end());
  Process qemu = Process::spawn(argv, options);
  pair.second.reset();
  write_all(pair.first.get(), bare.said, "the monitor");
  read_until(pair.first.get(), bare.last);
  qemu.send_signal(SIGTERM);
  qemu.wait(Deadline::after(10s));
}

struct Case {
  const char* definition;
  const char* filter;
  int rounds;
  std::vector<Bare> bare; // one for each subtest

  const std::string& qemu() const { return bare[0].argv[0]; }
};

std::vector<std::string> test_command(const Case& test, const TempDir& output) {
  return {std::string(std::getenv("QEMU_TEST_TOOLS_DIR")) + "/qt-tap",
          "--output",
          output.path(),
          "--qemu",
          test.qemu(),
          "--filter",
          test.filter,
          format("{}/{}.toml", std::getenv("QEMU_TEST_DEFINITIONS_DIR"), test.definition)};
}

// What QEMU itself took in the run below `folder`, as qt-boot logs it.
double qemu_seconds(const std::string& folder) {
  constexpr std::string_view k_before = ", processor time ";
  double seconds = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string log = entry.path().filename() == "base.log" ? read_file(entry.path()) : "";
    for (std::size_t at = 0; (at = log.find(k_before, at)) != std::string::npos;) {
      at += k_before.size();
      seconds += std::stod(log.substr(at)) / 1e3;
    }
  }
  return seconds;
}

// Returns the processor time of QEMU.
double run_test(const Case& test) {
  const TempDir output("qt-bench-");
  const auto captured = run_captured(test_command(test, output), {}, Deadline::after(60s));
  if (!captured || captured->status.wait_status != 0 ||
      captured->out.find(format("\nok {} ", test.bare.size())) == std::string::npos ||
      captured->out.find("SKIP") != std::string::npos) {
    throw Error(
        format("{} did not pass: {}", test.definition, captured ? captured->err : "time-out"));
  }
  return qemu_seconds(output.path());
}

// Of all children that have been waited for, theirs included.
double processor_seconds() {
  rusage usage = {};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// In a run of its own, as looking takes time too.
bench::Peaks peaks_of(const Case& test) {
  const TempDir output("qt-bench-");
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  SpawnOptions options;
  options.standard_output = null.get();
  options.standard_error = null.get();
  Process tap = Process::spawn(test_command(test, output), options);
  return bench::peaks_until_end(tap, 500);
}

void compare(const Case& test) {
  const std::string name = format("{}:{}", test.definition, test.filter);
  if (!find_program(test.qemu())) {
    bench::print(format("{}: skipped, no {}", name, test.qemu()));
    return;
  }
  bench::Pairs processor;
  std::vector<double> own; // all but QEMU
  const auto counted = [](std::vector<double>& costs, const auto& action) {
    const double before = processor_seconds();
    action();
    costs.push_back(processor_seconds() - before);
  };
  const auto ours = [&] {
    double qemu = 0;
    counted(processor.ours, [&] { qemu = run_test(test); });
    own.push_back(processor.ours.back() - qemu);
  };
  const auto theirs = [&] {
    counted(processor.theirs, [&] { std::for_each(test.bare.begin(), test.bare.end(), run_bare); });
  };
  const bench::Pairs wall = bench::measure(test.rounds, ours, theirs);
  const std::string memory = bench::text(peaks_of(test));
  const auto milliseconds = [](const bench::Pairs& pairs) {
    return format("qt-tap {:.1f} ms, bare {:.1f} ms, difference {:+.1f} ms, ratio {:.3f}",
                  bench::median(pairs.ours) * 1e3, bench::median(pairs.theirs) * 1e3,
                  pairs.difference() * 1e3, pairs.ratio());
  };
  bench::print(format("{}: {} (medians of {} pairs)\n  processor: {}\n"
                      "  processor without QEMU: {:.1f} ms for each subtest\n  peak MiB:{}",
                      name, milliseconds(wall), test.rounds, milliseconds(processor),
                      bench::median(own) * 1e3 / static_cast<double>(test.bare.size()), memory));
}

std::vector<Bare> openbios_of_all_cpus() {
  std::vector<Bare> runs;
  for (const char* const cpu : {"7400", "7410", "7441", "7445", "7447", "7447a", "7448", "7450",
                                "7451", "7455", "7457", "7457a"}) {
    runs.push_back(
        {{"qemu-system-ppc", "-machine", "g3beige", "-cpu", cpu, "-serial", "chardev:console"},
         ">> CPU type PowerPC,"});
  }
  return runs;
}

void compare_all() {
  constexpr int k_rounds = 10;
  compare({"generic/version",
           "info-version",
           k_rounds,
           {{{"qemu-system-x86_64", "-qmp", "chardev:mon", "-machine", "none", "-nodefaults"},
             "\"v\"",
             "{\"execute\":\"qmp_capabilities\"}\n"
             "{\"execute\":\"human-monitor-command\",\"arguments\":"
             "{\"command-line\":\"info version\"},\"id\":\"v\"}\n",
             "mon"}}});
  for (const char* const board : {"virt", "sifive_u", "spike"}) {
    compare({"riscv64/opensbi",
             board,
             k_rounds,
             {{{"qemu-system-riscv64", "-machine", board, "-serial", "chardev:console"},
               "Boot HART MEDELEG"}}});
  }
  compare({"ppc/74xx", "openbios*", 3, openbios_of_all_cpus()});
  const std::string uboot = Cache::open().path_of(k_uboot);
  if (!exists(uboot)) {
    bench::print("rx/gdbsim:uboot: skipped, its payload is not in the cache");
    return;
  }
  compare({"rx/gdbsim",
           "uboot",
           k_rounds,
           {{{"qemu-system-rx", "-machine", "gdbsim-r5f562n8", "-serial", "chardev:console",
              "-bios", uboot, "-no-reboot"},
             "U-Boot 2016.05-rc3-23705-ga1ef3c71cb-dirty"}}});
}

} // namespace

int main() {
  try {
    compare_all();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
