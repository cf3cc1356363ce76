// The definitions of boards (ARCH/boards.toml) fail when a part of the board does not work: each is
// run with one thing changed.
#include "base/text.hh"
#include "tap_fixture.hh"

#include <cstdlib>
#include <gmock/gmock.h>

namespace {

using namespace qt;
using testing::HasSubstr;

struct Board {
  std::string arch;
  std::string name;
  std::string uart; // as the definition has it
  std::string elsewhere;
  std::string isa;
  std::string memory; // less than the board has by default
  bool is_ended_by_reset;
};

void PrintTo(const Board& board, std::ostream* to) { *to << board.arch << " " << board.name; }

class Boards : public support::TapFixture, public testing::WithParamInterface<Board> {
protected:
  void SetUp() override {
    if (!find_program(emulator())) {
      GTEST_SKIP() << "no " << emulator() << " on this host";
    }
    m_text = read_file(format("{}/tests/functional/{}/boards.toml",
                              ::getenv("QEMU_TEST_SOURCE_ROOT"), GetParam().arch));
  }
  std::string emulator() const { return "qemu-system-" + GetParam().arch; }
  // Everywhere, and there must be something to change.
  void change(const std::string& from, const std::string& to) {
    ASSERT_THAT(m_text, HasSubstr(from));
    for (std::size_t at = 0; (at = m_text.find(from, at)) != std::string::npos; at += to.size()) {
      m_text.replace(at, from.size(), to);
    }
  }
  // That which is to fail need not be waited for long.
  void hurry(const std::string& text) {
    change(format("{{ wait = \"{}\" }}", text),
           format("{{ wait = \"{}\", timeout = \"3s\" }}", text));
  }
  std::string boot(const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> words = {"--filter", GetParam().name,
                                      define(GetParam().arch, "boards", m_text)};
    if (!arguments.empty()) {
      words.push_back("--");
      words.insert(words.end(), arguments.begin(), arguments.end());
    }
    return run(words).out;
  }

private:
  std::string m_text;
};

TEST_P(Boards, Speak) { EXPECT_THAT(boot(), HasSubstr("\nok 1 " + GetParam().name + "\n")); }

TEST_P(Boards, FailWithTheirConsoleElsewhere) {
  change(format("uart = \"{}\"", GetParam().uart), format("uart = \"{}\"", GetParam().elsewhere));
  hurry("bare program: hello");
  EXPECT_THAT(boot(), HasSubstr("step 1 (--wait 'bare program: hello'"));
}

TEST_P(Boards, FailWithAnotherProcessor) {
  change(format("\"--isa\", \"{}\"", GetParam().isa), "\"--isa\", \"loongarch64\"");
  hurry("bare program: hello");
  const std::string said = boot();
  EXPECT_THAT(said, HasSubstr("\nnot ok 1 "));
  EXPECT_THAT(said, testing::Not(HasSubstr("step 2 (")));
}

TEST_P(Boards, FailWithLessMemory) {
  hurry("bare program: memory");
  EXPECT_THAT(boot({"-m", GetParam().memory}), HasSubstr("step 2 (--wait 'bare program: memory'"));
}

TEST_P(Boards, FailWithoutTheirEnd) {
  if (GetParam().is_ended_by_reset) {
    change("\"-no-reboot\"", "\"-action\", \"reboot=reset\"");
  } else {
    change("{ send = \".\" }", "{ send = \"b\" }"); // the program ends it after a "." only
  }
  change("timeout = \"30s\" }", "timeout = \"3s\" }");
  EXPECT_THAT(boot(), HasSubstr("step 7 (--exit 0"));
}

INSTANTIATE_TEST_SUITE_P(
    Some, Boards,
    testing::Values(
        Board{"riscv64", "virt", "16550@0x10000000", "16550@0x80100000", "riscv64", "64M", false},
        Board{"mips64el", "loongson3-virt", "16550@0xbfe001e0", "16550@0xa0200000", "mips64el",
              "1408M", false},
        Board{"s390x", "s390-ccw-virtio", "sclp", "16550@0x200000", "s390x", "64M", false},
        Board{"x86_64", "pc", "16550@0x3f8", "16550@0x3e8", "x86_64", "64M", true},
        Board{"ppc64", "pseries", "papr", "lpc-xscom", "ppc64", "256M", false}),
    [](const testing::TestParamInfo<Board>& one) { return one.param.arch; });

} // namespace
