// What QEMU, its guest or a daemon writes without end: files keep their limit, every byte is
// judged.
#include "boot_fixture.hh"
#include "ipc/run_dir.hh"

#include <filesystem>
#include <sys/mount.h>

namespace qt {
namespace {

using namespace support;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// For riscv32 -M virt. Prints on the UART.
class Program {
public:
  Program& print(const std::string& text) {
    m_code.push_back(0x100002b7); // lui t0,0x10000: the UART
    for (const char c : text) {
      add_character(c);
      await_room();
      m_code.push_back(0x00628023); // sb t1,0(t0)
    }
    return *this;
  }
  // 4096 times `pages` bytes.
  Program& print(char c, std::uint32_t pages) {
    m_code.push_back(0x100002b7);
    add_character(c);
    m_code.push_back(0x3b7 | (pages << 12)); // lui t2,pages
    await_room();
    m_code.insert(m_code.end(), {0x00628023, 0xfff38393, 0xfe0396e3}); // sb; t2 -= 1; until 0
    return *this;
  }
  // Ends QEMU with status 0.
  std::string end() { return finished({0x001002b7, 0x00005337, 0x55530313, 0x0062a023, 0x6f}); }
  std::string without_end() { return finished({0x0000006f}); }

private:
  // The UART drops what it has no room for: until its line status has bit 5.
  void await_room() { m_code.insert(m_code.end(), {0x0052ce03, 0x020e7e13, 0xfe0e0ce3}); }
  void add_character(char c) { m_code.push_back((static_cast<std::uint32_t>(c) << 20) | 0x313); }
  std::string finished(std::initializer_list<std::uint32_t> last) {
    m_code.insert(m_code.end(), last);
    return std::string(reinterpret_cast<const char*>(m_code.data()), m_code.size() * 4);
  }

  std::vector<std::uint32_t> m_code;
};

class Flood : public BootFixture {
protected:
  void SetUp() override { NEED(k_riscv32); }

  // qt-boot with these options, a payload and, if there are steps, qt-expect.
  Captured boot(const std::string& payload, Words options, const Words& arguments,
                const Words& steps) const {
    write_file(path("payload"), payload);
    Words words = {program(), "--run-dir", run_dir(), "--qemu", k_riscv32, "--machine", "virt"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"--", "-bios", path("payload")});
    words.insert(words.end(), arguments.begin(), arguments.end());
    if (!steps.empty()) {
      words.insert(words.end(), {"--", tool("qt-expect")});
      words.insert(words.end(), steps.begin(), steps.end());
    }
    return run_words(words);
  }
  std::string log(const std::string& name) const { return read_file(run_dir() + "/" + name); }
};

TEST_F(Flood, OfAGuestLeavesBothEndsInTheLogs) {
  const Captured result =
      boot(Program().print("BEGIN\r\n").print('x', 64).print("\r\nLAST\r\n").end(),
           {"--log-limit", "64K", "--exit", "0"}, {},
           {"--log-limit", "64K", "--wait", "LAST", "--exit", "0"});
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_EQ(cause(), "pass");
  for (const char* const name : {"console.log", "dialogue.log"}) {
    EXPECT_LT(log(name).size(), 65536U + 300U) << name;
    EXPECT_GT(log(name).size(), 65536U * 3 / 4) << name;
    EXPECT_THAT(log(name),
                AllOf(HasSubstr("BEGIN"), HasSubstr("are left out here"), HasSubstr("LAST")))
        << name;
    EXPECT_FALSE(exists(run_dir() + "/" + name + ".tail"));
  }
  EXPECT_THAT(console_log(), AllOf(StartsWith("BEGIN\r\nxxx"), EndsWith("xxx\r\nLAST\r\n")));
  EXPECT_THAT(base_log(), HasSubstr("the log of the console leaves 192.0 KiB out"));
}

TEST_F(Flood, IsMatchedToTheLastByteHoweverSlowTheReader) {
  const std::string payload =
      Program().print('x', 64).print("\r\nMIDDLE\r\n").print('y', 64).print("\r\nLAST\r\n").end();
  const Words options = {"--log-limit", "64K", "--exit", "0"};
  const Captured waits = boot(payload, options, {},
                              {"--log-limit", "64K", "--sleep", "1s", "--wait", "MIDDLE", "--sleep",
                               "1s", "--wait", "LAST", "--exit", "0"});
  EXPECT_EQ(code_of(waits), 0) << waits.err;
  EXPECT_THAT(console_log(), Not(HasSubstr("MIDDLE"))) << "the log's limit is not what is tested";
  const Captured fails =
      boot(payload, options, {}, {"--log-limit", "64K", "--fail", "MIDDLE", "--wait", "LAST"});
  EXPECT_EQ(code_of(fails), 1) << fails.err;
  EXPECT_EQ(cause(), "fail-pattern");
}

// So that nothing of it is lost the guest has to wait; nobody should wonder why it does.
TEST_F(Flood, ThatALaterStepLooksAtIsSaidToHoldTheGuest) {
  const std::string payload = Program().print('x', 0xfffff).without_end();
  const Captured result =
      boot(payload, {"--log-limit", "64K"}, {},
           {"--log-limit", "64K", "--running", "60s", "--timeout", "10s", "--wait", "never"});
  EXPECT_EQ(code_of(result), 124) << result.err;
  EXPECT_EQ(cause(), "timeout");
  EXPECT_THAT(verdict().message, HasSubstr("of the console of 'default' wait for a step that looks "
                                           "at them; until then no more is read"));
  EXPECT_THAT(log("dialogue.log"), HasSubstr("of the console of 'default' wait for a step"));
  EXPECT_THAT(base_log(), HasSubstr("behind; QEMU waits for it (log-limit)"));
}

TEST_F(Flood, ThatNoStepLooksAtHoldsNothingUp) {
  const std::string payload =
      Program().print("HELLO\r\n").print('x', 96).print("\r\nMIDDLE\r\n").print('y', 96).end();
  const Words options = {"--log-limit", "64K", "--exit", "0"};
  const Words limit = {"--log-limit", "64K", "--timeout", "60s"};
  const auto with_limit = [&limit](Words words) {
    words.insert(words.begin(), limit.begin(), limit.end());
    return words;
  };
  for (const Words& steps : {Words{"--wait", "HELLO"}, Words{"--wait", "HELLO", "--exit", "0"},
                             Words{"--fail", "never"}}) {
    const Captured result = boot(payload, options, {}, with_limit(steps));
    EXPECT_EQ(code_of(result), 0) << steps.back() << ": " << result.err;
    EXPECT_EQ(cause(), "pass");
  }
  const Words fails = {"--fail", "MIDDLE", "--wait", "HELLO", "--exit", "0"};
  EXPECT_EQ(code_of(boot(payload, options, {}, with_limit(fails))), 1);
  EXPECT_EQ(cause(), "fail-pattern");
}

// 1.5 million lines of a trace.
TEST_F(Flood, OfQemuIsJudgedFromItsFirstByte) {
  const std::string payload = Program().print('x', 96).end();
  const Words arguments = {"-netdev", "user,id=a", "-d", "exec,nochain"};
  const auto judged = [&](const Words& checks) {
    Words options = {"--log-limit", "1M", "--exit", "0"};
    options.insert(options.end(), checks.begin(), checks.end());
    return boot(payload, options, arguments, {});
  };
  const Captured fails = judged({"--output-lacks", "has no peer"});
  EXPECT_EQ(code_of(fails), 1);
  EXPECT_EQ(cause(), "assertion");
  EXPECT_THAT(fails.err, HasSubstr("asked of QEMU's output: lacks 'has no peer'"));
  const std::string said = log("default.log");
  EXPECT_LT(said.size(), (1U << 20) + 300);
  EXPECT_THAT(said, AllOf(HasSubstr("has no peer"), HasSubstr("are left out here")));
  EXPECT_THAT(base_log(), HasSubstr("the log of QEMU leaves "));
  EXPECT_GT(verdict().details["left-out"]["QEMU"].get<std::uint64_t>(), 16U << 20)
      << "too little for what is tested here";
  EXPECT_EQ(code_of(judged({"--output", "has no peer", "--output-matches", "^Trace 0:"})), 0);
}

TEST_F(Flood, OfADaemonKeepsItsLimit) {
  const Captured result =
      boot(Program().print("HELLO").without_end(),
           {"--log-limit", "64K", "--service", "yes", "--ready", "log:y"}, {}, {"--wait", "HELLO"});
  EXPECT_EQ(code_of(result), 0) << result.err;
  EXPECT_LT(log("service.0.log").size(), 65536U + 300U);
  EXPECT_THAT(log("service.0.log"), HasSubstr("are left out here"));
}

TEST_F(Flood, OfAFileThatQemuItselfWritesIsACause) {
  const Captured result =
      boot(Program().print('x', 0xfffff).without_end(), {"--log-limit", "1M"},
           {"-D", run_dir() + "/trace.log", "-d", "exec,nochain"}, {"--wait", "never"});
  EXPECT_EQ(code_of(result), 1) << result.err;
  EXPECT_EQ(cause(), "flood");
  EXPECT_THAT(result.err, AllOf(HasSubstr("the logs in " + run_dir() + " take "),
                                HasSubstr("the limit is 8.0 MiB, see log-limit")));
  EXPECT_THAT(orphans(), testing::IsEmpty());
}

// A disk of a guest may be large; what fills the disk of the host is ended before it does.
TEST_F(Flood, OfScratchIsACauseWhereTheDiskIsNearlyFull) {
  std::filesystem::create_directories(run_dir());
  if (::mount("qt-test", run_dir().c_str(), "tmpfs", 0, "size=64m") < 0) {
    GTEST_SKIP() << "cannot mount a small file system here";
  }
  const std::string scratch = scratch_path(run_dir());
  const auto fill = [&](const std::string& size) {
    std::filesystem::create_directories(scratch);
    return boot(Program().print("HELLO").without_end(), {"--log-limit", "64K"}, {},
                {"--wait", "HELLO", "--run",
                 format("sh -c 'head -c {} /dev/zero > {}/x; sleep 3'", size, scratch), "--timeout",
                 "60s"});
  };
  const Captured much = fill("50M");
  EXPECT_EQ(code_of(much), 0) << much.err;
  const Captured all = fill("62M");
  EXPECT_EQ(code_of(all), 1) << all.err;
  EXPECT_EQ(cause(), "flood");
  EXPECT_THAT(verdict().message,
              AllOf(HasSubstr("the files in " + scratch + " take 62.0 MiB, and the disk has only"),
                    HasSubstr("left")));
  EXPECT_EQ(::umount2(run_dir().c_str(), MNT_DETACH), 0);
}

TEST_F(Flood, OfACommandIsACause) {
  const Captured result = boot(Program().print("HELLO").without_end(), {}, {},
                               {"--wait", "HELLO", "--run", "yes", "--timeout", "60s"});
  EXPECT_EQ(code_of(result), 1) << result.err;
  EXPECT_EQ(cause(), "flood");
  EXPECT_THAT(verdict().message, HasSubstr("the command wrote more than 64.0 MiB: y"));
  EXPECT_THAT(orphans(), testing::IsEmpty());
}

// A line without an end is no line for people.
TEST_F(Flood, OfACommandDoesNotFillTheMessage) {
  for (const char* const command :
       {"head -c 3M /dev/zero | tr '\\0' x; exit 3", "head -c 100M /dev/zero"}) {
    const Captured result = boot(Program().print("HELLO").without_end(), {}, {},
                                 {"--wait", "HELLO", "--run", format("sh -c \"{}\"", command)});
    EXPECT_EQ(code_of(result), 1) << command;
    EXPECT_LT(result.err.size(), 100'000U) << command;
    EXPECT_LT(log("verdict.json").size(), 100'000U) << command;
  }
}

TEST_F(Flood, LimitIsASize) {
  for (const char* const limit : {"1", "much", "4095"}) {
    const Captured result = boot(Program().without_end(), {"--log-limit", limit}, {}, {});
    EXPECT_EQ(code_of(result), 2);
    EXPECT_THAT(result.err, HasSubstr("is not a size such as 64M, at least 4K"));
  }
}

} // namespace
} // namespace qt
