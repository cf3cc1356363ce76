// Stands for QEMU where the time of one exchange is measured: prints a prompt, takes the typed
// line, and notes how long that took, as often as it is told to. Answers come back as from a
// terminal, with the echo before the next prompt.
//
//   prompting-guest [QEMU's options…] ROUNDS REPORT
//
// The console is what "-chardev socket,id=console,fd=N" says, else standard input and output. Then
// REPORT gets the microseconds of each exchange, one a line; "all done" is the last prompt.
#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "cli/cli.hh"
#include "os/fd.hh"
#include "os/file.hh"

#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <termios.h>
#include <unistd.h>
#include <vector>

namespace {

struct Ends {
  int in = STDIN_FILENO;
  int out = STDOUT_FILENO;
};

Ends console(const std::vector<std::string>& words) {
  constexpr std::string_view k_channel = "socket,id=console,fd=";
  for (const std::string& word : words) {
    if (word.starts_with(k_channel)) {
      const int fd = std::stoi(word.substr(k_channel.size()));
      return {fd, fd};
    }
  }
  termios mode = {};
  if (::tcgetattr(STDIN_FILENO, &mode) == 0) { // the echo is ours
    ::cfmakeraw(&mode);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
  }
  return {};
}

std::string hear_line(int fd) {
  std::string line;
  std::array<std::byte, 256> buffer;
  while (!line.ends_with('\r')) {
    const qt::IoCount got = qt::read_some(fd, buffer);
    if (got.result == qt::IoResult::ended) {
      throw qt::Error("the console ended after '" + qt::escape_for_display(line) + "'");
    }
    line += qt::text_of(std::span(buffer).first(got.count));
  }
  return line;
}

int run(const std::vector<std::string>& words) {
  std::signal(SIGTERM, [](int) { ::_exit(0); }); // as QEMU does
  const Ends ends = console(words);
  const int rounds = std::stoi(words.at(words.size() - 2));
  std::string report;
  std::string echo;
  for (int i = 0; i < rounds; ++i) {
    const std::string prompt = qt::format("{}round {} => ", echo, i);
    const auto start = std::chrono::steady_clock::now();
    qt::write_all(ends.out, prompt, "the console");
    const std::string line = hear_line(ends.in);
    const std::chrono::duration<double, std::micro> taken =
        std::chrono::steady_clock::now() - start;
    if (line != qt::format("reply {}\r", i)) {
      throw qt::Error("wrong reply: " + qt::escape_for_display(line));
    }
    report += qt::format("{:.1f}\n", taken.count());
    echo = line + "\n";
  }
  qt::write_file(words.back(), report);
  qt::write_all(ends.out, echo + "all done\r\n", "the console");
  std::array<std::byte, 256> buffer;
  while (qt::read_some(ends.in, buffer).result == qt::IoResult::done) {
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("prompting-guest", argc, argv, run); }
