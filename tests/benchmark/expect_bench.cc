// A boot log of 256 MiB through a pipe, what is awaited last: qt-expect and grep, which stops at
// the first match as well.
#include "paired.hh"

#include "file.hh"
#include "process.hh"
#include "text.hh"

#include <array>
#include <cstdlib>
#include <random>
#include <string>

namespace {

using namespace qt;

constexpr std::size_t k_size = 256U * 1024 * 1024;
constexpr int k_rounds = 5;

// Lines like those of a kernel, with words that the patterns begin with.
std::string make_log() {
  constexpr std::array<std::string_view, 12> k_words = {
      "registered", "device",    "driver", "memory", "login", "interrupt",
      "Kernel",     "Unable to", "probe",  "error",  "Oops",  "bootconsole"};
  std::mt19937 random(1);
  std::string log;
  while (log.size() < k_size) {
    log += format("[{:12.6f}] usb 1-1:", static_cast<double>(log.size()) / 1e6);
    for (std::size_t i = 0, count = 3 + random() % 9; i < count; ++i) {
      log.append(" ").append(k_words[random() % k_words.size()]);
    }
    log += "\r\n";
  }
  return log + "buildroot login: ";
}

void run(const std::string& script) {
  const auto done = run_captured({"sh", "-c", script}, {}, Deadline::never());
  if (done->status.code() != 0) {
    std::puts(("failed: " + script + ": " + done->err).c_str());
    std::exit(1);
  }
}

} // namespace

int main() {
  const TempDir folder("expect-bench-");
  const std::string log = folder.path() + "/log";
  write_file(log, make_log());
  const std::string expect = std::string(std::getenv("QEMU_TEST_TOOLS_DIR")) + "/qt-expect";
  const std::vector<std::string> failures = {
      "Kernel panic - not syncing", "Unable to mount root", "Oops: ",     "BUG: ",
      "Segmentation fault",         "general protection",   "Call Trace:"};
  for (const std::size_t count : {1u, 8u, 64u}) {
    for (const bool regex : {false, true}) {
      std::string ours = format("cat {} | {}", log, expect);
      std::string theirs = format("cat {} | LC_ALL=C grep -a -q -m1 {} -e 'buildroot login: '", log,
                                  regex ? "-E" : "-F");
      for (std::size_t i = 0; i + 1 < count; ++i) {
        std::string failure = failures[i % failures.size()];
        failure += i < failures.size() ? "" : format("no {}", i);
        failure += regex ? "[0-9]+" : "";
        ours += format(" --fail{} {}", regex ? "-regex" : "", shell_quote(failure));
        theirs += " -e " + shell_quote(failure);
      }
      ours += regex ? " --wait-regex 'buildroot [a-z]+: '" : " --wait 'buildroot login: '";
      bench::compare(
          format("{} {} over 256 MiB", count, regex ? "expressions" : "texts").c_str(), k_rounds,
          "qt-expect", [&] { run(ours); }, regex ? "grep -E" : "grep -F", [&] { run(theirs); });
    }
  }
  return 0;
}
