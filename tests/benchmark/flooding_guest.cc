// Stands for QEMU with a guest that prints as fast as its console takes it: MIB mebibytes of a
// boot log, in pieces of a page as from a virtio console, then "buildroot login: ".
//
//   flooding-guest [QEMU's options…] MIB
//
// The console is what "-chardev socket,id=console,fd=N" says, else standard output.
#include "boot_log.hh"

#include "base/error.hh"
#include "cli/cli.hh"
#include "os/fd.hh"

#include <csignal>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t k_mib = 1024UL * 1024;
constexpr std::size_t k_piece = 4096;

int console(const std::vector<std::string>& words) {
  constexpr std::string_view k_channel = "socket,id=console,fd=";
  for (const std::string& word : words) {
    if (word.starts_with(k_channel)) {
      return std::stoi(word.substr(k_channel.size()));
    }
  }
  return STDOUT_FILENO;
}

int run(const std::vector<std::string>& words) {
  std::signal(SIGTERM, [](int) { ::_exit(0); }); // as QEMU does
  const int fd = console(words);
  const std::string log = bench::make_log(8 * k_mib, 16).substr(0, 8 * k_mib);
  std::uint64_t left = std::stoull(words.back()) * k_mib;
  while (left > 0) {
    for (std::size_t at = 0; at < log.size() && left > 0; at += k_piece, left -= k_piece) {
      qt::write_all(fd, std::string_view(log).substr(at, k_piece), "the console");
    }
  }
  qt::write_all(fd, "buildroot login: ", "the console");
  while (fd != STDOUT_FILENO) { // until it is told to end
    ::pause();
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("flooding-guest", argc, argv, run); }
