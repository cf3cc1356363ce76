#include "definition/requirement.hh"

#include "definition_text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace flaky_test {

using testing::ElementsAre;
using testing::IsEmpty;

std::string test_with(const std::string& flaky) {
  return "[test.a]\nrequires = { flaky = " + flaky + " }\nmachine = 'virt'\nsteps = [{wait='x'}]\n";
}

Flaky read(const std::string& flaky) {
  return flaky_of(load_text(test_with(flaky)).subtests.at(0).required.at("flaky"));
}

TEST(Flaky, IsABugOrMore) {
  EXPECT_EQ(flaky_text(read("'URL'")), "URL");
  EXPECT_EQ(flaky_text(read("{ bug = 'URL' }")), "URL");
  EXPECT_EQ(flaky_text(read("{ bug = 'URL', until = 2999-12-31, on = 'host-arch:s390x' }")),
            "URL, on host-arch:s390x, until 2999-12-31");
  EXPECT_EQ(read("{ bug = 'URL', until = '2999-12-31' }").until, "2999-12-31") << "as a text";
}

TEST(Flaky, IsReadStrictly) {
  const auto mistakes = [](const std::string& flaky) { return mistakes_of(test_with(flaky)); };
  EXPECT_THAT(mistakes("{ until = 2999-12-31 }"),
              ElementsAre("board.toml:2:22: error: flaky: expected the URL of the bug, as bug = "
                          "\"URL\""));
  EXPECT_THAT(mistakes("{ bug = 'URL', untill = 2999-12-31 }"),
              ElementsAre("board.toml:2:37: error: flaky: unknown key 'untill'; did you mean "
                          "'until'?"));
  EXPECT_THAT(mistakes("{ bug = 'URL', until = '2999-02-30' }"),
              ElementsAre("board.toml:2:45: error: flaky: expected a date such as 2026-12-31 for "
                          "'until', got \"2999-02-30\""));
  EXPECT_THAT(mistakes("{ bug = 'URL', on = 's390x' }"),
              ElementsAre("board.toml:2:42: error: flaky: expected host-arch:NAME or host-os:NAME "
                          "for 'on', got \"s390x\""));
  EXPECT_THAT(mistakes("{ bug = '' }"),
              ElementsAre("board.toml:2:30: error: flaky: expected the URL of the bug for 'bug', "
                          "got \"\""));
  EXPECT_THAT(mistakes("5"), testing::SizeIs(1));
}

TEST(Flaky, WarnsAfterItsLastDay) {
  EXPECT_EQ(flaky_warning({"URL", "2999-12-31", ""}), "");
  EXPECT_EQ(flaky_warning({"URL", "", ""}), "");
  const std::string warning = "it is past 2020-02-29: see whether URL is mended; then take 'flaky' "
                              "out, else name a later day";
  EXPECT_EQ(flaky_warning({"URL", "2020-02-29", ""}), warning);
  EXPECT_THAT(load_text(test_with("{ bug = 'URL', until = 2020-02-29 }")).warnings,
              ElementsAre(testing::EndsWith("board.toml:2:22: warning: flaky: " + warning)));
  EXPECT_THAT(load_text(test_with("{ bug = 'URL', until = 2999-12-31 }")).warnings, IsEmpty());
}

} // namespace flaky_test
} // namespace qt
