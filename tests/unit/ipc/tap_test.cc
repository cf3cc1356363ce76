#include "ipc/tap.hh"

#include "os/fd.hh"

#include <functional>
#include <gtest/gtest.h>

namespace qt {
namespace tap_test {

std::string written(std::optional<std::size_t> planned,
                    const std::function<void(TapWriter&)>& use) {
  FdPair pipe = make_pipe();
  TapWriter tap(pipe.second.get(), planned);
  use(tap);
  tap.finish();
  pipe.second.reset();
  return read_to_end(pipe.first.get(), "pipe");
}

TEST(Tap, ThePlanComesFirst) {
  EXPECT_EQ(written(2,
                    [](TapWriter& tap) {
                      tap.ok("one");
                      tap.not_ok("two");
                      tap.comment("why\nmore");
                    }),
            "TAP version 13\n1..2\nok 1 one\nnot ok 2 two\n# why\n# more\n");
}

TEST(Tap, ThePlanComesLastWhereItIsNotKnown) {
  EXPECT_EQ(written(std::nullopt,
                    [](TapWriter& tap) {
                      tap.skip("a", "no disk");
                      tap.ok("one");
                      tap.expected_failure("two", "bug #7");
                    }),
            "TAP version 13\nok 1 a # SKIP no disk\nok 2 one\nnot ok 3 two # TODO bug #7\n1..3\n");
  EXPECT_EQ(written(std::nullopt, [](TapWriter& tap) { tap.skip("a", "no disk"); }),
            "TAP version 13\n1..0 # SKIP no disk\n");
}

TEST(Tap, SkipsBeforeAResultAreNumberedInOrder) {
  EXPECT_EQ(written(3,
                    [](TapWriter& tap) {
                      tap.skip("a", "no machine");
                      tap.ok("b");
                      tap.skip("c", "no network");
                    }),
            "TAP version 13\n1..3\nok 1 a # SKIP no machine\nok 2 b\nok 3 c # SKIP no network\n");
}

TEST(Tap, OnlySkipsAreOnePlan) {
  EXPECT_EQ(written(1, [](TapWriter& tap) { tap.skip("a", "no machine"); }),
            "TAP version 13\n1..0 # SKIP no machine\n");
  EXPECT_EQ(written(2,
                    [](TapWriter& tap) {
                      tap.skip("a", "no machine");
                      tap.skip("b", "no machine");
                    }),
            "TAP version 13\n1..0 # SKIP no machine\n");
  EXPECT_EQ(written(2,
                    [](TapWriter& tap) {
                      tap.skip("a", "no machine");
                      tap.skip("b", "no device");
                    }),
            "TAP version 13\n# a: no machine\n# b: no device\n"
            "1..0 # SKIP no machine (and other reasons, 2 subtests)\n");
  EXPECT_EQ(written(0, [](TapWriter&) {}), "TAP version 13\n1..0 # SKIP no subtest is selected\n");
}

TEST(Tap, ForeignTextCannotBecomeAnotherLine) {
  EXPECT_EQ(written(2,
                    [](TapWriter& tap) {
                      tap.not_ok("a # SKIP\nok 7");
                      tap.comment("\x1b[2Jok 3\r\n");
                      tap.skip("b{}", "x\ny # TODO");
                    }),
            "TAP version 13\n1..2\nnot ok 1 a _ SKIP ok 7\n# \\e[2Jok 3\\r\n#\n"
            "ok 2 b{} # SKIP x y # TODO\n");
}

TEST(Tap, MayEndWithoutSuccess) {
  const auto bailed = [](std::size_t planned, const std::function<void(TapWriter&)>& give) {
    FdPair pipe = make_pipe();
    TapWriter tap(pipe.second.get(), planned);
    give(tap);
    tap.bail_out("the plan\nis not kept");
    pipe.second.reset();
    return read_to_end(pipe.first.get(), "pipe");
  };
  const std::string end = "Bail out! the plan is not kept\n";
  EXPECT_EQ(bailed(0, [](TapWriter&) {}), "TAP version 13\n" + end);
  EXPECT_EQ(bailed(1, [](TapWriter& tap) { tap.skip("a", "no disk"); }),
            "TAP version 13\n1..1\nok 1 a # SKIP no disk\n" + end);
  EXPECT_EQ(bailed(1, [](TapWriter& tap) { tap.ok("a"); }), "TAP version 13\n1..1\nok 1 a\n" + end);
}

TEST(Tap, APassMaySayMore) {
  EXPECT_EQ(written(2,
                    [](TapWriter& tap) {
                      tap.flaky("one", "failed # once");
                      tap.touched("two", "touched by hand at step 1");
                    }),
            "TAP version 13\n1..2\nok 1 one # flaky: failed _ once\n"
            "ok 2 two # touched by hand at step 1\n");
}

TEST(Tap, CountsFailures) {
  FdPair pipe = make_pipe();
  TapWriter tap(pipe.second.get(), 3);
  tap.not_ok("a");
  tap.ok("b");
  tap.not_ok("c");
  EXPECT_EQ(tap.failures(), 2U);
}

} // namespace tap_test
} // namespace qt
