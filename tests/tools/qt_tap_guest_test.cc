// The step "tap" in a definition: the results of a guest's own tests in those of qt-tap, with a
// real U-Boot that prints them.
#include "ipc/verdict.hh"
#include "os/file.hh"
#include "tap_fixture.hh"

#include <gmock/gmock.h>

namespace qt {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* k_firmware = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin";

class QtTapGuest : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64") || !exists(k_firmware)) {
      GTEST_SKIP() << "no qemu-system-riscv64 or no " << k_firmware;
    }
  }
  // A definition with the test "inner", in which U-Boot runs `command`, and one without a guest.
  std::string define_inner(const std::string& command, const std::string& more = "") {
    return define("riscv64", "inner",
                  format(R"(
[test.inner]
machine = "virt"
args = ["-bios", "{}"]
timeout = "60s"
steps = [{{ interrupt = " ", until = "=> " }}, {{ line = "{}", tap = true }}, {{ line = "echo later", wait = "later" }}]
{}
[test.other]
machine = "none"
console = false
steps = [{{ qmp = "query-status" }}]
)",
                         k_firmware, command, more));
  }
  static int status_of(const Captured& run) { return exit_status_of(run.status.wait_status); }
};

TEST_F(QtTapGuest, EachTestOfTheGuestIsAResult) {
  const std::string file =
      define_inner("echo TAP version 13; echo 'ok 1 a <b>'; echo 'ok 2 c # SKIP no disk'; "
                   "echo 'not ok 3 d # TODO bug'; echo ok 4 a; echo ok 5 a; echo 1..5");
  const Captured run = this->run({file});
  EXPECT_EQ(status_of(run), 0) << run.err;
  EXPECT_EQ(run.out, "TAP version 13\nok 1 inner\nok 2 inner/a <b>\nok 3 inner/c # SKIP no disk\n"
                     "not ok 4 inner/d # TODO bug\nok 5 inner/a\nok 6 inner/a (2)\nok 7 other\n"
                     "1..7\n");
  const Captured jobs = this->run({"--jobs", "2", file});
  EXPECT_EQ(jobs.out, run.out);
  const Captured rerun = this->run({"--rerun", output, file});
  EXPECT_THAT(rerun.out, HasSubstr("1..0 # SKIP all of them have passed"));
}

TEST_F(QtTapGuest, AFailureOfTheGuestIsAFailure) {
  const std::string file = define_inner("echo 1..2; echo not ok 1 bad; echo ok 2 good", R"(
[[test.inner.check]]
name = "named"
steps = [{ qmp = "query-version" }]
)");
  const Captured run = this->run({file});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out,
              AllOf(StartsWith("TAP version 13\nok 1 inner\nnot ok 2 inner/bad\n# assertion: the "
                               "guest's own test failed\n"),
                    HasSubstr("\nok 3 inner/good\nok 4 inner/named\nok 5 other\n1..5\n")));
  EXPECT_THAT(run.err, AllOf(HasSubstr("riscv64/inner:inner/bad: assertion: the guest's own test "),
                             HasSubstr("again: ")));
  const Captured again = this->run({"--rerun", output, file});
  EXPECT_THAT(again.out, AllOf(HasSubstr("not ok 2 inner/bad"), Not(HasSubstr("other"))));
  const Captured repeated = this->run({"--repeat", "2", "--filter", "inner", file});
  EXPECT_EQ(status_of(repeated), 1);
  EXPECT_THAT(repeated.out,
              AllOf(HasSubstr("TAP version 13\n1..4\nnot ok 1 inner\n# failed 2 of 2"),
                    HasSubstr("\nok 2 inner/named\n# failed 0 of 2"),
                    HasSubstr("\nnot ok 3 inner/bad\n# failed 2 of 2 times"),
                    HasSubstr("\nok 4 inner/good\n# failed 0 of 2")));
  const Captured bisected = this->run({"--bisect", "--filter", "inner", file});
  EXPECT_EQ(status_of(bisected), 1);
}

TEST_F(QtTapGuest, AFailureOfAnEarlierPhaseStays) {
  const std::string file = define("riscv64", "phases",
                                  format(R"(
[test.boots]
machine = "virt"
args = ["-bios", "{}"]
timeout = "60s"

[[test.boots.phase]]
steps = [{{ interrupt = " ", until = "=> " }}, {{ line = "echo 1..2; echo ok 1 a; echo not ok 2 b", tap = true }}]

[[test.boots.phase]]
steps = [{{ interrupt = " ", until = "=> " }}, {{ line = "echo 1..1; echo ok 1 a", tap = true }}]
)",
                                         k_firmware));
  const Captured run = this->run({file});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nok 2 boots/a\nnot ok 3 boots/b\n"),
                             HasSubstr("\nok 4 boots/a (2)\n1..4\n")));
  EXPECT_EQ(read_verdict(output + "/riscv64/phases.boots").value_or(Verdict()).cause, Cause::check);
  EXPECT_THAT(tap({"--rerun", output, "--list", file}).out, HasSubstr("boots"));
}

TEST_F(QtTapGuest, APlanThatIsNotKeptFailsTheTest) {
  const Captured run = this->run({define_inner("echo 1..2; echo ok 1 good; echo ok 1 again")});
  EXPECT_EQ(status_of(run), 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("\nnot ok 1 inner\n# assertion: "),
                             HasSubstr("test 1 ('again') came where test 2 was due"),
                             HasSubstr("\nok 2 inner/good\n")));
}

TEST_F(QtTapGuest, AGuestThatIsNotStartedHasThePlanOfASkip) {
  const std::string file = define("riscv64", "skipped", R"(
[test.skipped]
machine = "no-such-machine"
steps = [{ tap = "END" }]
)");
  EXPECT_THAT(run({file}).out, StartsWith("TAP version 13\n1..0 # SKIP "));
}

TEST_F(QtTapGuest, MistakesInTheStepAreFound) {
  const auto mistake = [&](const std::string& step) {
    return tap({"--check", define("riscv64", "wrong",
                                  format(R"(
[test.wrong]
machine = "virt"
steps = [{}]
)",
                                         step))});
  };
  EXPECT_EQ(status_of(mistake("{ tap = true }")), 0);
  EXPECT_EQ(status_of(mistake("{ line = 'x', tap = 'END', idle-timeout = '1s' }")), 0);
  for (const char* const step : {"{ tap = false }", "{ tap = '' }", "{ tap = 1 }", "{ tap = '#' }",
                                 "{ tap = true, pace = '1s' }", "{ tap = true, wait = 'x' }"}) {
    EXPECT_EQ(status_of(mistake(step)), 2) << step;
  }
}

} // namespace
} // namespace qt
