// A bare program on a real board, and on boards that are broken: each of its steps can fail.
#include "data/json.hh"
#include "tap_fixture.hh"

#include <cstdlib>
#include <gmock/gmock.h>

namespace {

using namespace qt;
using testing::HasSubstr;

struct Board {
  std::string args = "";
  std::string isa = "arm";
  std::string uart = "pl011@0x101f1000";
  std::string ram = "0x8000,0x7fffff0";
};

class BareProgram : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-arm")) {
      GTEST_SKIP() << "no qemu-system-arm on this host";
    }
  }
  Captured boot(const Board& board, const std::string& answer = "<a>") {
    return run({define("arm", "board",
                       format(R"(
[test.t]
machine = "versatilepb"
timeout = "20s"
args = [{}"-device", "loader,file=${{scratch}}/program,addr=0x10000,cpu-num=0,force-raw=on"]
prepare = [{{ run = ["${{support.bare-program}}", "--isa", "{}", "--load", "0x10000", "--uart", "{}", "--ram", "{}", "${{scratch}}/program"] }}]
steps = [
  {{ wait = "bare program: hello", timeout = "4s" }},
  {{ wait = "bare program: memory", timeout = "4s" }},
  {{ send = "a" }},
  {{ wait = "{}", timeout = "4s" }},
]
)",
                              board.args, board.isa, board.uart, board.ram, answer))});
  }
};

TEST_F(BareProgram, SpeaksOnABoard) { EXPECT_THAT(boot({}).out, HasSubstr("\nok 1 t\n")); }

TEST_F(BareProgram, EachPartCanFail) {
  EXPECT_THAT(boot({.args = R"("-m", "64M", )"}).out,
              HasSubstr("step 2 (--wait 'bare program: memory'"))
      << "half of the memory is not there";
  EXPECT_THAT(boot({.uart = "pl011@0x101f2000"}).out,
              HasSubstr("step 1 (--wait 'bare program: hello'"))
      << "that is the second console";
  EXPECT_THAT(boot({.isa = "ppc"}).out, HasSubstr("step 1 (--wait 'bare program: hello'"))
      << "no code for this processor";
  EXPECT_THAT(boot({}, "<b>").out, HasSubstr("step 4 (--wait '<b>'"));
}

TEST(BareProgramOptions, SaysWhatItDoesNotKnow) {
  const TempDir folder("bare-program-");
  const auto complaint = [&folder](const Board& board) {
    const Captured result =
        *run_captured({format("{}/bare-program", ::getenv("QEMU_TEST_SUPPORT")), "--isa", board.isa,
                       "--uart", board.uart, "--ram", board.ram, folder.path() + "/program"},
                      {}, Deadline::after(std::chrono::minutes(1)));
    EXPECT_EQ(result.status.code(), 2);
    EXPECT_FALSE(exists(folder.path() + "/program"));
    return result.err;
  };
  EXPECT_THAT(complaint({.isa = "vax"}), HasSubstr("'vax' is none of the instruction sets"));
  EXPECT_THAT(complaint({.uart = "pl011"}), HasSubstr("is not NAME@ADDRESS"));
  EXPECT_THAT(complaint({.ram = "here"}), HasSubstr("is not an address"));
}

} // namespace
