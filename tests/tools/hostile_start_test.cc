// Whoever starts our programs may have signals ignored or blocked, descriptors closed and limits
// low: each program does its work all the same, can be ended, or says what is wrong.
#include "boot_fixture.hh"

namespace qt {
namespace {

using namespace support;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class HostileStart : public BootFixture {
protected:
  void SetUp() override {
    if (run_captured({"env", "--block-signal=TERM", "true"}, {}, Deadline::never())
            ->status.wait_status != 0) {
      GTEST_SKIP() << "this host's env cannot block signals";
    }
  }
  // A command with every signal blocked that can be, and those ignored that somebody may ignore.
  static Words hostile(const Words& command) {
    Words words = {"env", "--block-signal"};
    for (const char* const name : {"CHLD", "TERM", "PIPE", "ALRM", "USR1", "USR2", "XFSZ"}) {
      words.push_back(format("--ignore-signal={}", name));
    }
    words.insert(words.end(), {"sh", "-c", "exec \"$@\"", "sh"}); // env would read "=" in a path
    words.insert(words.end(), command.begin(), command.end());
    return words;
  }
  // With a shell's words before the command starts, such as "ulimit -f 1" or "exec <&-".
  static Words after(const std::string& script, const Words& command) {
    Words words = {"sh", "-c", script + "; exec \"$@\"", "sh"};
    words.insert(words.end(), command.begin(), command.end());
    return words;
  }
  Words wrap(const Words& options, const Words& command) const {
    Words words = {tool("qt-tap"), "--name", "t"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), command.begin(), command.end());
    return words;
  }
};

TEST_F(HostileStart, TapRunsEndsAndIsEnded) {
  const Captured runs = run_words(hostile(wrap({}, {"true"})));
  EXPECT_EQ(runs.out, "TAP version 13\n1..1\nok 1 t\n");
  EXPECT_EQ(code_of(runs), 0);
  const Captured late = run_words(hostile(wrap({"--timeout", "200ms"}, {"sleep", "1000"})));
  EXPECT_THAT(late.out, HasSubstr("not ok 1 t\n# timeout: "));
  Running ended = start(hostile(wrap({}, {"sh", "-c", "echo here >&2; exec sleep 1000"})));
  wait_for(ended, "TAP version 13");
  ended.process.send_signal(SIGTERM);
  EXPECT_EQ(exit_status_of(end_of(ended).wait_status), 128 + SIGTERM);
}

TEST_F(HostileStart, BootAndExpectHoldADialogueAndAreEnded) {
  NEED(k_riscv64);
  const auto chain = [this](const Words& steps) {
    Words words = command({"--qemu", k_riscv64, "--machine", "virt"}, {}, {});
    words.insert(words.end(), {"--", tool("qt-expect")});
    words.insert(words.end(), steps.begin(), steps.end());
    return hostile(words);
  };
  const Captured passes = run_words(chain({"--wait", "OpenSBI", "--run", "true"}));
  EXPECT_EQ(code_of(passes), 0) << passes.err;
  EXPECT_THAT(orphans(), IsEmpty());
  EXPECT_EQ(code_of(run_words(chain({"--timeout", "1s", "--wait", "never"}))), 124);
  Running ended = start(chain({"--wait", "OpenSBI", "--run", "echo here", "--sleep", "1000s"}));
  while (read_file_if_exists(dialogue_log_path(run_dir())).value_or("").find("--sleep") ==
         std::string::npos) {
    ASSERT_FALSE(ended.process.poll()) << "it has ended by itself";
    ::usleep(5000);
  }
  ended.process.send_signal(SIGTERM);
  EXPECT_EQ(exit_status_of(end_of(ended).wait_status), 128 + SIGTERM);
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(HostileStart, FetchAndExtractDeliver) {
  write_file(path("file"), "content");
  const Captured digest = *run_captured({"sha256sum", path("file")}, {}, Deadline::never());
  const Captured fetched =
      run_words(hostile({tool("qt-fetch"), "--uncached", "--output", path("fetched"),
                         "file://" + path("file"), digest.out.substr(0, 64)}));
  EXPECT_EQ(code_of(fetched), 0) << fetched.err;
  EXPECT_EQ(read_file(path("fetched")), "content");
  const Captured extracted = run_words(
      hostile({tool("qt-extract"), "--writable", "--output", path("extracted"), path("file")}));
  EXPECT_EQ(code_of(extracted), 0) << extracted.err;
  EXPECT_EQ(read_file(path("extracted")), "content");
}

TEST_F(HostileStart, ClosedDescriptorsAreNotTakenForOthers) {
  for (const char* const closed : {"exec <&-", "exec 2>&-", "exec <&- 2>&-"}) {
    const Captured tap = run_words(after(closed, wrap({}, {"true"})));
    EXPECT_EQ(tap.out, "TAP version 13\n1..1\nok 1 t\n") << closed;
    EXPECT_EQ(code_of(tap), 0) << closed;
  }
  write_file(path("file"), "content");
  const Words extract = {tool("qt-extract"), "--writable", "--output", path("made"), path("file")};
  for (const char* const closed : {"exec >&-", "exec <&- >&- 2>&-"}) {
    EXPECT_EQ(code_of(run_words(after(closed, wrap({}, {"true"})))), 99) << "nobody can read it";
    EXPECT_EQ(code_of(run_words(after(closed, extract))), 99);
    EXPECT_EQ(read_file(path("made")), "content") << closed;
  }
  const Captured expect = run_words(after("exec <&- 2>&-", {tool("qt-expect"), "--run", "true"}));
  EXPECT_EQ(code_of(expect), 0);
}

TEST_F(HostileStart, AMachineRunsWithoutStandardDescriptors) {
  NEED(k_riscv64);
  Words words = command({"--qemu", k_riscv64, "--machine", "virt"}, {}, {"wait", "OpenSBI"});
  EXPECT_EQ(code_of(run_words(after("exec <&- >&- 2>&-", words))), 0);
  EXPECT_EQ(cause(), "pass");
}

// The signal for that would end a program without a word.
TEST_F(HostileStart, ALimitOfFileSizesIsAnErrorWithItsName) {
  write_file(path("file"), std::string(100'000, 'x'));
  const Captured extracted = run_words(after(
      "ulimit -f 8", {tool("qt-extract"), "--writable", "--output", path("made"), path("file")}));
  EXPECT_EQ(code_of(extracted), 99);
  EXPECT_THAT(extracted.err, AllOf(HasSubstr(path("made")), HasSubstr("File too large")));
}

} // namespace
} // namespace qt
