// qt-expect as a process, for the tests that run it: with guests of the test's own, or real shells.
#pragma once

#include "environment.hh"
#include "fake_guest.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace qt::support {

// Runs a shell on a terminal of its own, with `guest` as the wire to it.
inline void play_shell(FakeGuest& guest, const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  int terminal = -1;
  const winsize size = {24, 80, 0, 0};
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  const UniqueFd owner(terminal);
  guest.connect(terminal);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

class ExpectFixture : public testing::Test {
protected:
  static SpawnOptions options_for(const std::vector<const FakeGuest*>& guests) {
    std::vector<VmChannels> vms;
    SpawnOptions options;
    for (const FakeGuest* guest : guests) {
      const VmChannels& channels = guest->channels();
      vms.push_back(channels);
      for (const int fd : {channels.console, channels.qmp, channels.exit}) {
        if (fd >= 0) {
          options.keep.push_back(fd);
        }
      }
    }
    options.environment = {{k_vms_variable, format_vms(vms)}};
    return options;
  }
  // Without machines.
  Captured run(std::vector<std::string> words, SpawnOptions options = {}) const {
    words.insert(words.begin(), tool("qt-expect"));
    return run_captured(words, std::move(options), Deadline::after(std::chrono::seconds(60)))
        .value();
  }
  Captured run_with(FakeGuest::Script script, std::vector<std::string> words) const {
    FakeGuest guest(std::move(script));
    SpawnOptions options = options_for({&guest});
    options.environment.emplace_back(k_run_dir_variable, m_folder.path());
    const Captured result = run(std::move(words), options);
    guest.finish();
    return result;
  }
  Captured shell(const std::string& script) const {
    SpawnOptions options;
    options.environment = {
        {"PATH", std::string(std::getenv("QEMU_TEST_TOOLS_DIR")) + ":" + std::getenv("PATH")}};
    return run_captured({"sh", "-c", script}, options, Deadline::after(std::chrono::seconds(60)))
        .value();
  }

  TempDir m_folder{"qt-expect-tool-"};
  const ScopedVariable m_vms{k_vms_variable, std::nullopt};
  const ScopedVariable m_run_dir{k_run_dir_variable, std::nullopt};
};

} // namespace qt::support
