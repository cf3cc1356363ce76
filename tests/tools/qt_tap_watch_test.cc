// --watch: a run for each change of a definition, of what it includes, of the emulator.
#include "base/shell_words.hh"
#include "base/text.hh"
#include "os/file.hh"
#include "tap_fixture.hh"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace qt {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class QtTapWatch : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
    write_emulator("first");
    write_file(m_included, included("query-status"));
    write_definition("one");
  }
  void write_emulator(const std::string& remark) const {
    const std::string text = format("#!/bin/sh\n# {}\nexec qemu-system-riscv64 \"$@\"\n", remark);
    write_file(m_emulator + ".new", text);
    ASSERT_EQ(::chmod((m_emulator + ".new").c_str(), 0755), 0);
    ASSERT_EQ(std::rename((m_emulator + ".new").c_str(), m_emulator.c_str()), 0);
  }
  static std::string included(const std::string& command) {
    return format("[template.base]\nmachine = \"none\"\nconsole = false\n"
                  "steps = [{{ qmp = \"{}\" }}]\n",
                  command);
  }
  void write_definition(const std::string& name) {
    m_file =
        define("riscv64", "watched",
               format("include = [\"../included.toml\"]\n[test.{}]\ntemplate = \"base\"\n", name));
  }
  // As many editors save: the new file replaces the old one.
  void replace_definition(const std::string& name) {
    const std::string old = m_file;
    const std::string next =
        define("riscv64", "next",
               format("include = [\"../included.toml\"]\n[test.{}]\ntemplate = \"base\"\n", name));
    ASSERT_EQ(std::rename(next.c_str(), old.c_str()), 0);
  }
  Process start() const {
    m_log.reset();
    m_log = open_file(m_output, O_WRONLY | O_CREAT | O_TRUNC);
    SpawnOptions options;
    options.directory = folder.path();
    options.standard_output = m_log.get();
    options.standard_error = m_log.get();
    return Process::spawn(
        {support::tool("qt-tap"), "--output", output, "--watch", "--qemu", m_emulator, m_file},
        options);
  }
  // Waits until what was written has `text` so often.
  testing::AssertionResult comes(const std::string& text, std::size_t count = 1) const {
    const Deadline deadline = Deadline::after(80s);
    while (!deadline.expired()) {
      std::size_t found = 0;
      const std::string written = read_file(m_output);
      for (std::size_t at = 0; (at = written.find(text, at)) != std::string::npos; ++at) {
        ++found;
      }
      if (found >= count) {
        return testing::AssertionSuccess();
      }
      std::this_thread::sleep_for(20ms);
    }
    return testing::AssertionFailure() << text << " did not come: " << read_file(m_output);
  }

  std::string m_file;
  const std::string m_output = folder.path() + "/written";
  const std::string m_emulator = folder.path() + "/qemu-system-riscv64";
  const std::string m_included = folder.path() + "/included.toml";
  mutable UniqueFd m_log;
};

TEST_F(QtTapWatch, EachChangeIsARun) {
  Process watching = start();
  ASSERT_TRUE(comes("ok 1 one\nwatching 3 files"));
  replace_definition("two");
  ASSERT_TRUE(comes("watched.toml has changed\nTAP version 13\n1..1\nok 1 two\nwatching"));
  write_definition("three"); // written anew in place
  ASSERT_TRUE(comes("ok 1 three\nwatching"));
  write_file(m_included, included("query-version"));
  ASSERT_TRUE(comes("included.toml has changed\n"));
  ASSERT_TRUE(comes("ok 1 three\nwatching", 2));
  write_emulator("built anew");
  ASSERT_TRUE(comes("qemu-system-riscv64 has changed\n"));
  ASSERT_TRUE(comes("ok 1 three\nwatching", 3));
  watching.send_signal(SIGINT);
  const auto ended = watching.wait(Deadline::after(60s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->text(), "exited 0");
}

TEST_F(QtTapWatch, AMistakeIsToldAndMended) {
  Process watching = start();
  ASSERT_TRUE(comes("ok 1 one\nwatching"));
  write_file(m_included, "[template.base]\nmachin = \"none\"\n");
  ASSERT_TRUE(comes("did you mean 'machine'"));
  write_file(m_included, included("query-version"));
  ASSERT_TRUE(comes("ok 1 one\nwatching", 2));
  // While a file is not there nothing is run.
  std::remove(m_file.c_str());
  std::this_thread::sleep_for(700ms);
  write_definition("back");
  ASSERT_TRUE(comes("ok 1 back\nwatching"));
  EXPECT_THAT(read_file(m_output), testing::Not(HasSubstr("No such file")));
  watching.send_signal(SIGTERM);
  const auto ended = watching.wait(Deadline::after(60s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->text(), "exited 143");
}

TEST_F(QtTapWatch, EndsInTheMiddleOfARun) {
  m_file = define("riscv64", "watched", R"(
[test.long]
machine = "none"
console = false
steps = [{ run = ["sh", "-c", "echo started > $1; exec sleep 60", "sh", "${log}/started"] }]
)");
  Process watching = start();
  const std::string started = output + "/riscv64/watched.long/started";
  const Deadline deadline = Deadline::after(60s);
  while (!exists(started) && !deadline.expired()) {
    std::this_thread::sleep_for(20ms);
  }
  watching.send_signal(SIGINT);
  const auto ended = watching.wait(Deadline::after(60s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->text(), "exited 0");
  EXPECT_TRUE(comes("not ok 1 long\n"));
}

TEST_F(QtTapWatch, WhatDoesNotGoTogether) {
  const std::vector<Words> lines = {{"--watch", "--repeat", "2", m_file},
                                    {"--watch", "--until-fail", m_file},
                                    {"--watch", "--bisect", m_file},
                                    {"--watch", "--rerun", output, m_file},
                                    {"--watch", "--list", m_file},
                                    {"--watch", "--check", m_file},
                                    {"--watch", "--dry-run", m_file},
                                    {"--watch", "--gdb", m_file},
                                    {"--watch", "--on-fail", "shell", m_file},
                                    {"--watch", "--under-meson", m_file},
                                    {"--watch", "--name", "x", "--", "true"}};
  for (const Words& line : lines) {
    const Captured run = tap(line);
    const int wanted = line[1] == "--bisect" ? 125 : 2;
    EXPECT_EQ(exit_status_of(run.status.wait_status), wanted) << shell_join(line) << run.err;
  }
}

} // namespace
} // namespace qt
