#include "definition/slice.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace durations_test {
namespace {

using namespace qt;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string refusal(std::string_view text) {
  try {
    parse_durations(text, "times");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "none";
}

TEST(Durations, AreReadAsQtReportWritesThem) {
  EXPECT_THAT(parse_durations("x86_64/seabios 12.345\n\narm/virt 0.078\r\narm/next 3", "times"),
              ElementsAre(Pair("arm/next", milliseconds(3000)), Pair("arm/virt", milliseconds(78)),
                          Pair("x86_64/seabios", milliseconds(12345))));
  EXPECT_THAT(parse_durations("\n", "times"), IsEmpty()) << "of no results";
}

TEST(Durations, NameTheLineThatIsNone) {
  for (const char* line :
       {"arm/virt", "arm/virt 1.0 2.0", "arm/virt  1.0", "arm/virt -1", "arm/virt 2m",
        "arm/virt 1e3", "arm/virt 1..5", "arm/virt .5", "arm/virt nan", "arm/virt 12345678",
        "virt 1.0", "/virt 1.0", "arm/ 1.0", "arm/virt/x 1.0", "<html>", "arm/virt\t1.0"}) {
    EXPECT_THAT(refusal("arm/first 1.000\n" + std::string(line) + "\n"), HasSubstr("times:2: '"))
        << line;
  }
  EXPECT_THAT(refusal("a/b 1\n\x1b[2J\n"), HasSubstr("times:2: '\\e[2J' is not ARCH/FILE SECONDS"));
}

TEST(Durations, NameAFileOnce) {
  EXPECT_EQ(refusal("a/b 1\n\na/b 1\n"),
            "times:3: a/b stands in a line above, too; leave one of them out");
}

TEST(Durations, OfAFileThatIsNotThereAreAMistake) {
  const TempDir folder("durations-test-");
  try {
    read_durations(folder.path() + "/none");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr(folder.path() + "/none"));
  }
}

} // namespace
} // namespace durations_test
