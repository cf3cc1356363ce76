// qt-boot --record, over a pseudo-terminal, with real machines: what somebody does there becomes a
// definition, which passes, and fails with another guest.
#include "boot_fixture.hh"
#include "environment.hh"
#include "os/event_loop.hh"

#include <ctime>
#include <glob.h>
#include <optional>
#include <pty.h>
#include <termios.h>

namespace qt {
namespace qt_boot_record_test {
namespace {

using namespace support;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string k_end = "\x01x";
const std::string k_monitor = "\x01"
                              "c";

// A person at a terminal with a program.
class Person {
public:
  explicit Person(const Words& words) {
    int user = -1;
    int program = -1;
    if (::openpty(&user, &program, nullptr, nullptr, nullptr) != 0) {
      return;
    }
    m_terminal.reset(user);
    const UniqueFd other(program);
    SpawnOptions options;
    options.standard_input = options.standard_output = options.standard_error = program;
    m_process.emplace(Process::spawn(words, options));
  }

  bool has_terminal() const { return static_cast<bool>(m_terminal); }
  void type(const std::string& keys) const { write_all(m_terminal.get(), keys, "the terminal"); }
  // Looks on until the text has come after what was read before.
  void read_until(const std::string& text) {
    const Deadline deadline = Deadline::after(600s);
    std::size_t at = 0;
    while ((at = m_seen.find(text, m_read)) == std::string::npos && look_on(deadline)) {
    }
    EXPECT_NE(at, std::string::npos) << "no '" << text << "' in:\n" << m_seen;
    m_read = at == std::string::npos ? m_seen.size() : at + text.size();
  }
  void answer(const std::string& text, const std::string& keys) {
    read_until(text);
    type(keys);
  }
  // What the program ended with; -1: it does not end.
  int end() {
    const Deadline deadline = Deadline::after(1200s);
    while (!m_process->poll() && !deadline.expired()) {
      look_on(Deadline::after(100ms));
    }
    while (look_on(Deadline::after(100ms))) {
    }
    const auto status = m_process->poll();
    return status ? exit_status_of(status->wait_status) : -1;
  }
  void send_signal(int number) { m_process->send_signal(number); }
  // Keys come one by one, and nothing is edited.
  bool is_raw() const {
    termios mode;
    return ::tcgetattr(m_terminal.get(), &mode) == 0 && (mode.c_lflag & ICANON) == 0;
  }
  const std::string& seen() const { return m_seen; }

private:
  bool look_on(Deadline deadline) {
    std::array<std::byte, 65536> buffer;
    if (wait_for(m_terminal.get(), POLLIN, deadline) == 0) {
      return false;
    }
    const IoCount got = read_some(m_terminal.get(), buffer);
    m_seen += text_of(std::span(buffer).first(got.count));
    return got.result == IoResult::done;
  }

  UniqueFd m_terminal;
  std::optional<Process> m_process;
  std::string m_seen;
  std::size_t m_read = 0;
};

class Record : public BootFixture {
protected:
  std::string file() const { return path("recorded.toml"); }
  Words recording(const std::string& emulator, const std::string& machine,
                  const Words& arguments) const {
    Words words = {program(), "--record", file(), "--qemu", emulator, "--machine", machine, "--"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
  }
  std::string definition() const { return read_file_if_exists(file()).value_or("none"); }
  // What the definition is worth by itself.
  int run_again() const {
    const Captured check = run_words({support::tool("qt-tap"), "--check", file()});
    EXPECT_EQ(code_of(check), 0) << check.out << check.err << definition();
    return code_of(run_captured({support::tool("qt-tap"), "--output", path("again"), file()}, {},
                                Deadline::after(std::chrono::minutes(5)))
                       .value());
  }
};

#define NEED_FILE(file)                                                                            \
  do {                                                                                             \
    if (!exists(file)) {                                                                           \
      GTEST_SKIP() << "no " << (file);                                                             \
    }                                                                                              \
  } while (false)

#define NEED_TERMINAL(person)                                                                      \
  do {                                                                                             \
    if (!(person).has_terminal()) {                                                                \
      GTEST_SKIP() << "there are no pseudo-terminals here";                                        \
    }                                                                                              \
  } while (false)

constexpr const char* k_ppc = "qemu-system-ppc";
constexpr const char* k_uboot = "/usr/lib/u-boot/qemu-ppce500/uboot.elf";

TEST_F(Record, UBootThatIsInterrupted) {
  NEED(k_ppc);
  NEED_FILE(k_uboot);
  Person person(recording(k_ppc, "ppce500", {"-bios", k_uboot}));
  NEED_TERMINAL(person);
  person.answer("Hit any key", " ");
  person.answer("=> ", "version\r");
  person.answer("=> ", "echo hel\blo\x7flo\r"); // with mistakes
  person.answer("=> ", "false\r");
  person.answer("=> ", k_monitor);
  person.answer("(monitor) ", "info status\r");
  person.answer("VM status: running", k_monitor);
  person.answer("[console]", k_end);
  EXPECT_EQ(person.end(), 0) << person.seen();
  EXPECT_THAT(definition(),
              AllOf(HasSubstr("machine      = \"ppce500\""),
                    HasSubstr("qemu         = \"qemu-system-ppc\""),
                    HasSubstr("path = \"/usr/lib/u-boot/qemu-ppce500/uboot.elf\""),
                    HasSubstr("\"-bios\", \"${asset.uboot-elf}\""),
                    HasSubstr("{ interrupt = \" \", until = \"=> \" },"),
                    ContainsRegex("[{] shell = \"version\", stdout = \\[?\"U-Boot 20"),
                    HasSubstr("{ shell = \"echo hello\", stdout = { equals = \"hello\" } },"),
                    HasSubstr("{ shell = \"false\", status = 1 },"),
                    HasSubstr("{ hmp = \"info status\", matches = \"VM status: running\" },")));
  EXPECT_THAT(person.seen(),
              AllOf(HasSubstr("'false' ends with the status 1"), HasSubstr("it passed")));
  EXPECT_EQ(run_again(), 0);
  EXPECT_THAT(orphans(), IsEmpty());
}

// The same definition on a U-Boot that says something else must fail.
TEST_F(Record, AnotherGuestFails) {
  NEED(k_ppc);
  NEED_FILE(k_uboot);
  make_directories(path("ppc"));
  const std::string original = read_file(k_uboot);
  write_file(path("uboot"), original);
  Words words = recording(k_ppc, "ppce500", {"-bios", path("uboot")});
  words[2] = path("ppc/recorded.toml");
  Person person(words);
  NEED_TERMINAL(person);
  person.answer("Hit any key", " ");
  person.answer("=> ", "version\r");
  person.answer("=> ", k_end);
  ASSERT_EQ(person.end(), 0) << person.seen();
  const std::string recorded = read_file(path("ppc/recorded.toml"));
  EXPECT_THAT(recorded, Not(HasSubstr("qemu-system"))) << "its folder says it";
  const auto run = [this] {
    return code_of(
        run_words({support::tool("qt-tap"), "--output", path("again"), path("ppc/recorded.toml")}));
  };
  EXPECT_EQ(run(), 0) << recorded;
  std::string changed = original;
  const std::string text = "U-Boot 20"; // in what it says first, and as its version
  for (std::size_t at = 0; (at = changed.find(text, at)) != std::string::npos;) {
    changed.replace(at, text.size(), "U-Boot 30");
  }
  ASSERT_TRUE(changed != original);
  write_file(path("uboot"), changed);
  EXPECT_EQ(run(), 1);
}

TEST_F(Record, OpenBios) {
  NEED("qemu-system-sparc");
  Person person(recording("qemu-system-sparc", "SS-5", {}));
  NEED_TERMINAL(person);
  person.answer("0 > ", "6 7 * .\r");
  person.answer("2a  ok", "");
  person.answer("0 > ", k_end);
  EXPECT_EQ(person.end(), 0) << person.seen();
  EXPECT_THAT(definition(), AllOf(HasSubstr("{ wait = \"0 > \" }"),
                                  HasSubstr("{ line = \"6 7 * .\", wait = \"2a  ok\" },"),
                                  Not(HasSubstr("shell"))));
  EXPECT_EQ(run_again(), 0);
}

TEST_F(Record, SlofThatSwitchesItselfOff) {
  NEED("qemu-system-ppc64");
  Person person(recording("qemu-system-ppc64", "pseries", {"-nic", "none"}));
  NEED_TERMINAL(person);
  person.answer("Press \"s\"", "s");
  person.answer("0 > ", "6 7 * .\r");
  person.answer("2a  ok", "");
  person.answer("0 > ", "power-off\r");
  EXPECT_EQ(person.end(), 0) << person.seen();
  EXPECT_THAT(definition(), AllOf(HasSubstr("{ send = \"s\""), HasSubstr("strip-ansi"),
                                  HasSubstr("{ line = \"6 7 * .\", wait = \"2a  ok\" },"),
                                  HasSubstr("{ line = \"power-off\" },\n  { exit = 0 },")));
}

// Debian's installer with a shell instead of its menus.
TEST_F(Record, LinuxWithAShell) {
  NEED(k_x86_64);
  glob_t found{};
  const int result = ::glob("/usr/lib/debian-installer/images/*/amd64/text/debian-installer/amd64",
                            0, nullptr, &found);
  const std::string folder = result == 0 ? found.gl_pathv[0] : "";
  ::globfree(&found);
  if (folder.empty()) {
    GTEST_SKIP() << "no debian-installer-*-netboot-amd64";
  }
  Person person(
      recording(k_x86_64, "q35",
                {"-m", "1G", "-kernel", folder + "/linux", "-initrd", folder + "/initrd.gz",
                 "-append", "console=ttyS0 no_timer_check rdinit=/bin/sh", "-no-reboot"}));
  NEED_TERMINAL(person);
  person.answer("~ # ", "uname -m\r");
  person.answer("~ # ", "mount -t proc proc /proc\r");
  person.answer("~ # ", "cat /proc/uptime\r");
  person.answer("~ # ", "date\r");
  person.answer("~ # ", "poweroff -f\r");
  EXPECT_EQ(person.end(), 0) << person.seen();
  EXPECT_THAT(definition(),
              AllOf(HasSubstr("{ shell = \"uname -m\", stdout = { equals = \"x86_64\" } },"),
                    HasSubstr("{ shell = \"cat /proc/uptime\" },"), HasSubstr("${asset.initrd-gz}"),
                    HasSubstr("{ exit = 0 },")));
  const std::string year = std::to_string(1970 + static_cast<int>(std::time(nullptr) / 31556952));
  EXPECT_THAT(definition(), Not(HasSubstr(year + "\" }")));
  EXPECT_THAT(person.seen(), HasSubstr("only what comes again"));
}

TEST_F(Record, AGuestThatEndsQemuWithAStatus) {
  NEED(k_riscv32);
  for (const unsigned status : {0U, 33U}) {
    write_file(path("payload"),
               riscv32_writing(status == 0 ? 0x5555 : (status << 16) | 0x3333, When::late));
    Person person(recording(k_riscv32, "virt", {"-bios", path("payload")}));
    NEED_TERMINAL(person);
    EXPECT_EQ(person.end(), 0) << person.seen();
    EXPECT_THAT(definition(), AllOf(HasSubstr("{ wait = \"HELLO\" },"),
                                    HasSubstr(format("{{ exit = {} }},", status))));
    EXPECT_EQ(run_again(), 0);
    // another guest
    write_file(path("payload"),
               riscv32_writing(status == 0 ? (33 << 16) | 0x3333 : 0x5555, When::late));
    EXPECT_EQ(run_again(), 1);
    ::unlink(file().c_str());
  }
}

TEST_F(Record, NeedsATerminal) {
  const Captured result = run_words(recording(k_riscv32, "virt", {}));
  EXPECT_EQ(code_of(result), 2);
  EXPECT_THAT(result.err, HasSubstr("must be a terminal"));
  EXPECT_FALSE(exists(file()));
}

TEST_F(Record, DoesNotTouchAFileThatIsThere) {
  write_file(file(), "mine");
  Person person(recording(k_riscv32, "virt", {}));
  NEED_TERMINAL(person);
  EXPECT_EQ(person.end(), 2);
  EXPECT_THAT(person.seen(), HasSubstr("is there already"));
  EXPECT_EQ(definition(), "mine");
}

TEST_F(Record, RefusesWhatMakesNoSense) {
  for (const Words& words :
       {Words{"--record", path("file.txt")}, Words{"--record", path("nosuch/file.toml")},
        Words{"--record", file(), "--gdb", "--machine", "virt"},
        Words{"--record", file(), "--console", "false", "--machine", "virt"},
        Words{"--record", file(), "--machine", "virt", "--", "--", "true"}}) {
    Words all = {program()};
    all.insert(all.end(), words.begin(), words.end());
    Person person(all);
    NEED_TERMINAL(person);
    EXPECT_EQ(person.end(), 2) << person.seen();
    EXPECT_FALSE(exists(file()));
  }
}

// A machine that never says anything, of which nothing was asked.
TEST_F(Record, NothingComesOfNothing) {
  NEED(k_riscv32);
  write_file(path("silent"), std::string("\x6f\0\0\0", 4)); // j .
  Person person(recording(k_riscv32, "virt", {"-bios", path("silent")}));
  NEED_TERMINAL(person);
  person.answer("recording: ", "typed blindly\r" + k_end);
  EXPECT_EQ(person.end(), 1);
  EXPECT_THAT(person.seen(), HasSubstr("nothing was recorded that a test could wait for"));
  EXPECT_FALSE(exists(file()));
}

TEST_F(Record, AMachineWithoutAMonitorHasNone) {
  NEED(k_riscv64);
  Words words = recording(k_riscv64, "virt", {});
  words.insert(words.begin() + 1, {"--qmp", "false"});
  Person person(words);
  NEED_TERMINAL(person);
  person.answer("Boot HART MEDELEG", k_monitor);
  person.answer("[the monitor has ended, or there is none]", k_end);
  EXPECT_EQ(person.end(), 0) << person.seen();
  EXPECT_THAT(definition(), AllOf(HasSubstr("qmp          = false"), HasSubstr("OpenSBI")));
}

TEST_F(Record, AMachineThatDiesLeavesNoDefinition) {
  NEED(k_riscv64);
  Person person(recording(k_riscv64, "virt", {}));
  NEED_TERMINAL(person);
  person.read_until("OpenSBI");
  signal_qemu(SIGSEGV);
  EXPECT_EQ(person.end(), 1);
  EXPECT_THAT(person.seen(), AllOf(HasSubstr("SIGSEGV"), HasSubstr("is not written")));
  EXPECT_FALSE(exists(file()));
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(Record, ASignalEndsTheMachineAndGivesTheTerminalBack) {
  NEED(k_riscv64);
  Person person(recording(k_riscv64, "virt", {}));
  NEED_TERMINAL(person);
  person.read_until("OpenSBI");
  EXPECT_TRUE(person.is_raw());
  person.send_signal(SIGTERM);
  EXPECT_EQ(person.end(), 128 + SIGTERM);
  EXPECT_FALSE(person.is_raw());
  EXPECT_FALSE(exists(file()));
  EXPECT_THAT(orphans(), IsEmpty());
}

TEST_F(Record, AMachineThatDoesNotStart) {
  NEED(k_riscv64);
  Person person(recording(k_riscv64, "nosuch", {}));
  NEED_TERMINAL(person);
  EXPECT_EQ(person.end(), 77);
  EXPECT_FALSE(exists(file()));
}

// A guest that is another at every start: it is kept, and that is said.
TEST_F(Record, WhatNeverPassesIsKeptAndSaid) {
  NEED(k_riscv32);
  write_file(path("payload"), riscv32_writing(0x5555, When::late));
  Person person(recording(k_riscv32, "virt", {"-bios", path("payload")}));
  NEED_TERMINAL(person);
  person.read_until("HELLO");
  write_file(path("payload"), riscv32_writing((33 << 16) | 0x3333, When::late));
  EXPECT_EQ(person.end(), 1) << person.seen();
  EXPECT_THAT(person.seen(), HasSubstr("is kept, but it does not pass"));
  EXPECT_TRUE(exists(file()));
}

} // namespace
} // namespace qt_boot_record_test
} // namespace qt
