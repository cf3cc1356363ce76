// What the boards of smaller architectures say when a part of them does not work: the definition is
// theirs (ARCH/boards.toml), with one thing changed.
#include "base/text.hh"
#include "os/file.hh"
#include "tap_fixture.hh"

#include <cstdlib>
#include <gmock/gmock.h>

namespace {

using namespace qt;
using testing::HasSubstr;

struct Fault {
  std::string name;
  std::string arch;
  std::string board;
  std::string from; // in the definition …
  std::string to;   // … and what takes its place
  std::string said;
};

void PrintTo(const Fault& fault, std::ostream* to) { *to << fault.name; }

std::string source(const std::string& path) {
  return read_file(format("{}/tests/functional/{}", ::getenv("QEMU_TEST_SOURCE_ROOT"), path));
}

class SmallBoards : public support::TapFixture, public testing::WithParamInterface<Fault> {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-" + GetParam().arch)) {
      GTEST_SKIP() << "no qemu-system-" << GetParam().arch << " on this host";
    }
    m_text = source(GetParam().arch + "/boards.toml");
    m_templates = source("boards.toml");
  }
  // Everywhere, and there must be something to change.
  static void change(std::string& text, const std::string& from, const std::string& to) {
    ASSERT_THAT(text, HasSubstr(from));
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  }
  std::string boot() {
    const std::string file = define(GetParam().arch, "boards", m_text);
    write_file(parent_of(parent_of(file)) + "/boards.toml", m_templates);
    return run({"--filter", GetParam().board, file}).out;
  }

  std::string m_text;
  std::string m_templates; // which it includes
};

TEST_P(SmallBoards, Speak) { EXPECT_THAT(boot(), HasSubstr("\nok 1 " + GetParam().board + "\n")); }

TEST_P(SmallBoards, FailWithAPartBroken) {
  // What fails need not be waited for long.
  change(m_templates, "timeout = \"30s\"", "timeout = \"10s\"");
  change(m_text, GetParam().from, GetParam().to);
  EXPECT_THAT(boot(), HasSubstr(GetParam().said));
}

constexpr const char* k_hello = "step 1 (--wait 'bare program: hello'";
constexpr const char* k_memory = "step 2 (--wait 'bare program: memory'";

INSTANTIATE_TEST_SUITE_P(
    Some, SmallBoards,
    testing::Values(Fault{"Console", "m68k", "virt", "goldfish@0xff008000", "goldfish@0x00100000",
                          k_hello},
                    Fault{"SecondConsole", "sparc", "SS-20", "escc/2@0xff1100004",
                          "escc/2@0xff1100000", k_hello},
                    // QEMU may abort: such code leaves the flash, sooner or later.
                    Fault{"Processor", "avr", "arduino-uno", "isa = \"avr\"", "isa = \"m68k\"",
                          "\nnot ok 1 arduino-uno\n"},
                    Fault{"Memory", "or1k", "virt", "machine = \"virt\",",
                          "machine = \"virt\", args = [\"-m\", \"64M\"],", k_memory},
                    Fault{"End", "xtensa", "lx60", "0xdead", "0xdeaf", "step 7 (--exit 0"},
                    Fault{"WithoutConsole", "tricore", "KIT_AURIX_TC277_TRB", "ram = \"0x70001000",
                          "ram = \"0x70401000", "step 1 (--hmp 'xp /44c 0x70000000'"}),
    [](const testing::TestParamInfo<Fault>& one) { return one.param.name; });

} // namespace
