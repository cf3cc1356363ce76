// What qt-tap adds around one run of QEMU: a whole test against QEMU driven by hand with the same
// arguments and the same last string.
#include "error.hh"
#include "file.hh"
#include "paired.hh"
#include "process.hh"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>

namespace {

using namespace qt;
using namespace std::chrono_literals;

// Reads `fd` until `wanted` has come.
void read_until(int fd, std::string_view wanted) {
  std::string seen;
  std::array<std::byte, 65536> buffer;
  while (seen.find(wanted) == std::string::npos) {
    const IoCount got = read_some(fd, buffer);
    if (got.result == IoResult::ended) {
      throw Error(format("QEMU ended before '{}'", wanted));
    }
    seen += text_of(std::span(buffer).first(got.count));
  }
}

// The argument vector that qt-boot gives QEMU, with one socket pair for what is read.
struct Bare {
  std::vector<std::string> argv;
  const char* channel; // "console" or "mon"
};

void run_bare(const Bare& bare, const std::function<void(int fd)>& dialogue) {
  FdPair pair = make_socket_pair();
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
  dialogue(pair.first.get());
  qemu.send_signal(SIGTERM);
  qemu.wait(Deadline::after(10s));
}

void run_test(const std::string& definition, const char* qemu, const char* filter) {
  const std::string tools = std::getenv("QEMU_TEST_TOOLS_DIR");
  const std::string definitions = std::getenv("QEMU_TEST_DEFINITIONS_DIR");
  const TempDir output("qt-bench-");
  const auto captured = run_captured({tools + "/qt-tap", "--output", output.path(), "--qemu", qemu,
                                      "--filter", filter, definitions + "/" + definition},
                                     {}, Deadline::after(60s));
  if (!captured || captured->out.find("\nok 1 ") == std::string::npos ||
      captured->out.find("SKIP") != std::string::npos) {
    throw Error(format("{} did not pass: {}", definition, captured ? captured->err : "time-out"));
  }
}

void compare_all() {
  constexpr int k_rounds = 10;
  bench::compare(
      "generic/version on x86_64", k_rounds, "qt-tap",
      [] { run_test("generic/version.toml", "qemu-system-x86_64", "info-version"); }, "bare",
      [] {
        run_bare({{"qemu-system-x86_64", "-mon", "chardev=mon,mode=control", "-machine", "none",
                   "-nodefaults"},
                  "mon"},
                 [](int fd) {
                   write_all(fd,
                             "{\"execute\":\"qmp_capabilities\"}\n"
                             "{\"execute\":\"human-monitor-command\",\"arguments\":"
                             "{\"command-line\":\"info version\"},\"id\":\"v\"}\n",
                             "monitor");
                   read_until(fd, "\"v\"");
                 });
      });
  bench::compare(
      "riscv64/opensbi virt", k_rounds, "qt-tap",
      [] { run_test("riscv64/opensbi.toml", "qemu-system-riscv64", "virt"); }, "bare",
      [] {
        run_bare(
            {{"qemu-system-riscv64", "-machine", "virt", "-serial", "chardev:console"}, "console"},
            [](int fd) { read_until(fd, "Boot HART MEDELEG"); });
      });
}

} // namespace

int main() {
  try {
    if (!find_program("qemu-system-x86_64") || !find_program("qemu-system-riscv64")) {
      std::puts("skipped: qemu-system-x86_64 and qemu-system-riscv64 are needed");
      return 77;
    }
    compare_all();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
