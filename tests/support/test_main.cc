// main() of all test programs. Whatever the developer's shell has set, a test begins in the same
// environment: what is needed to run programs at all, and what the build and the person say to the
// tests themselves. HOME is an empty folder, and new files are for their user alone to write.
//
// The test program takes in the processes that lose their parent below it: what it has started and
// what that has left is found among its descendants (descendants.hh), never by name.
#include "environment.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <csignal>
#include <gtest/gtest.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

// Those of the build (…_DIR, …_ROOT and programs) and of a person who wants more rounds of a storm.
constexpr std::array<std::string_view, 13> k_of_tests = {
    "QEMU_TEST_ADMISSION_ROUNDS", "QEMU_TEST_BUILD_ROOT",
    "QEMU_TEST_CHAIN_PROGRAM",    "QEMU_TEST_FIND_IMAGE",
    "QEMU_TEST_EARLY_ROUNDS",     "QEMU_TEST_PORT_ROUNDS",
    "QEMU_TEST_ROUNDS",           "QEMU_TEST_SHOW_REPORTS",
    "QEMU_TEST_SOURCE_ROOT",      "QEMU_TEST_STORM",
    "QEMU_TEST_STORM_ROUNDS",     "QEMU_TEST_SUPPORT",
    "QEMU_TEST_TOOLS_DIR",
};
constexpr std::array<std::string_view, 3> k_of_the_host = {"LD_LIBRARY_PATH", "PATH", "TMPDIR"};
// Of GoogleTest, the sanitizers, the C library's checks and the coverage tools.
constexpr std::array<std::string_view, 8> k_beginnings = {
    "ASAN_", "GCOV_", "GTEST_", "LLVM_PROFILE_", "LSAN_", "MALLOC_", "TSAN_", "UBSAN_"};

bool stays(std::string_view name) {
  return std::find(k_of_tests.begin(), k_of_tests.end(), name) != k_of_tests.end() ||
         std::find(k_of_the_host.begin(), k_of_the_host.end(), name) != k_of_the_host.end() ||
         std::any_of(k_beginnings.begin(), k_beginnings.end(),
                     [name](std::string_view beginning) { return name.starts_with(beginning); });
}

void clear_environment() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view word = *entry;
    names.emplace_back(word.substr(0, word.find('=')));
  }
  for (const std::string& name : names) {
    if (!stays(name)) {
      ::unsetenv(name.c_str());
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  clear_environment();
  ::umask(022);
  const qt::TempDir home("qt-test-home-");
  ::setenv("HOME", home.path().c_str(), 1);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::signal(SIGPIPE, SIG_IGN); // as in the programs
  std::signal(SIGHUP, SIG_DFL);  // under nohup(1) it is ignored, by all that is started too
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
