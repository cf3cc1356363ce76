// A program for the end of a chain that does what its arguments say, in order: stands for a
// dialogue where a test is about qt-boot.
//
//   vm NAME         the next words mean that machine (at first: the last one started)
//   wait TEXT       reads the console until TEXT has come; status 3 if the console ends before
//   console-end     reads the console to its end
//   type TEXT       writes to the console, backslash escapes allowed
//   exit-line       prints the line that tells of the machine's end
//   ask WORD        asks for something on the exit channel
//   qmp             prints the monitor's greeting up to its first line's end
//   say TEXT        prints TEXT
//   verdict CAUSE   writes verdict.json
//   pause MS        sleeps
//   until PATH      waits until there is such a file
//   ignore-term     SIGTERM no longer ends it
//   hang            waits for ever
//   crash           dies by SIGSEGV
//   end STATUS      exits; without it the status is 0
#include "base/error.hh"
#include "base/text.hh"
#include "cli/cli.hh"
#include "ipc/run_dir.hh"
#include "os/fd.hh"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using qt::VmChannels;

class Program {
public:
  int run(const std::vector<std::string>& words);

private:
  void wait(const std::string& text);
  std::string next_console_bytes() const;
  static void print_line_of(int fd);

  std::vector<VmChannels> m_vms = qt::parse_vms(std::getenv(qt::k_vms_variable));
  VmChannels m_vm = m_vms.back();
};

std::string Program::next_console_bytes() const {
  char buffer[4096];
  const ssize_t count = ::read(m_vm.console, buffer, sizeof buffer);
  return std::string(buffer, count > 0 ? static_cast<std::size_t>(count) : 0);
}

void Program::wait(const std::string& text) {
  std::string seen;
  while (seen.find(text) == std::string::npos) {
    const std::string more = next_console_bytes();
    if (more.empty()) {
      std::exit(3);
    }
    seen += more;
  }
}

void Program::print_line_of(int fd) {
  char byte = 0;
  while (::read(fd, &byte, 1) == 1) {
    std::putchar(byte);
    if (byte == '\n') {
      break;
    }
  }
  std::fflush(stdout);
}

int Program::run(const std::vector<std::string>& words) {
  std::size_t at = 0;
  const auto next = [&words, &at] { return words.at(at++); };
  while (at < words.size()) {
    const std::string word = next();
    if (word == "vm") {
      const std::string name = next();
      for (const VmChannels& vm : m_vms) {
        m_vm = vm.name == name ? vm : m_vm;
      }
    } else if (word == "wait") {
      wait(next());
    } else if (word == "console-end") {
      while (!next_console_bytes().empty()) {
      }
    } else if (word == "type") {
      qt::write_all(m_vm.console, qt::parse_escapes(next()).value(), "the console");
    } else if (word == "exit-line") {
      print_line_of(m_vm.exit);
    } else if (word == "qmp") {
      print_line_of(m_vm.qmp);
    } else if (word == "ask") {
      qt::write_all(m_vm.exit, next() + "\n", "the exit channel");
    } else if (word == "say") {
      std::puts(next().c_str());
      std::fflush(stdout);
    } else if (word == "verdict") {
      qt::Verdict verdict;
      verdict.cause = qt::cause_from(next()).value();
      verdict.step = "--wait login:";
      verdict.message = "from the program";
      qt::write_verdict(std::getenv(qt::k_run_dir_variable), verdict);
    } else if (word == "pause") {
      const long ms = std::stol(next());
      const timespec span = {ms / 1000, ms % 1000 * 1000000};
      ::nanosleep(&span, nullptr);
    } else if (word == "until") {
      const std::string path = next();
      const timespec span = {0, 5'000'000};
      while (::access(path.c_str(), F_OK) < 0) {
        ::nanosleep(&span, nullptr);
      }
    } else if (word == "ignore-term") {
      std::signal(SIGTERM, SIG_IGN);
    } else if (word == "hang") {
      for (;;) {
        ::pause();
      }
    } else if (word == "crash") {
      ::signal(SIGSEGV, SIG_DFL); // a sanitizer would make another signal of it
      ::raise(SIGSEGV);
    } else if (word == "end") {
      return std::stoi(next());
    } else {
      throw qt::Error("unknown word " + word, qt::ExitCode::usage);
    }
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  return qt::run_tool("chain-program", argc, argv,
                      [](const std::vector<std::string>& words) { return Program().run(words); });
}
