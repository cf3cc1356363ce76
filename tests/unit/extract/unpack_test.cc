#include "extract/unpack.hh"

#include "base/error.hh"
#include "os/file.hh"

#include "../support/hostile_archive.hh"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace unpack_test {

using namespace qt;

class UnpackTest : public testing::Test {
protected:
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }

  TempDir m_folder{"unpack-test-"};
};

template<typename Body>
ExitCode code_of(Body body) {
  try {
    body();
    return ExitCode::done;
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(ResizeTest, GrowsAndNeverCuts) {
  EXPECT_EQ(size_after_resize(parse_resize("pow2"), 5000), 8192U);
  EXPECT_EQ(size_after_resize(parse_resize("pow2"), 4096), 4096U);
  EXPECT_EQ(size_after_resize(parse_resize("1M"), 10), 1U << 20);
  EXPECT_EQ(code_of([] { size_after_resize(parse_resize("1K"), 1025); }), ExitCode::failed);
  EXPECT_EQ(code_of([] { parse_resize("pow3"); }), ExitCode::usage);
}

TEST_F(UnpackTest, BoundsWhatComesOut) {
  constexpr std::uint64_t k_gib = std::uint64_t{1} << 30;
  write_file(path("small"), "1234");
  OutputBudget budget({}, path("small"));
  budget.take(k_gib); // up to here the ratio does not matter
  EXPECT_EQ(code_of([&] { budget.take(1); }), ExitCode::failed);

  ASSERT_EQ(::truncate(path("small").c_str(), 4 << 20), 0);
  OutputBudget larger({}, path("small"));
  larger.take(3 * k_gib);
  EXPECT_EQ(code_of([&] { larger.take(k_gib); }), ExitCode::failed);

  ASSERT_EQ(::truncate(path("small").c_str(), k_gib), 0);
  OutputBudget largest({}, path("small"));
  largest.take(16 * k_gib);
  EXPECT_EQ(code_of([&] { largest.take(1); }), ExitCode::failed);

  OutputBudget asked({20 * k_gib}, path("small"));
  asked.take(20 * k_gib);
  EXPECT_EQ(code_of([&] { asked.take(1); }), ExitCode::failed);
}

TEST_F(UnpackTest, LinksLeadToTheFileItself) {
  write_file(path("real"), "x");
  ASSERT_EQ(::symlink("real", path("link").c_str()), 0);
  unpack(path("link"), {}, {path("out")});
  EXPECT_EQ(::unlink(path("link").c_str()), 0);
  EXPECT_EQ(read_file(path("out")), "x");
  unpack(path("real"), {}, {path("out")}); // again, over the link that is there
  EXPECT_EQ(read_file(path("out")), "x");
  EXPECT_EQ(code_of([&] { unpack(path("out"), {}, {path("real")}); }), ExitCode::usage);
  EXPECT_EQ(code_of([&] { unpack(path("gone"), {}, {path("out")}); }), ExitCode::absent);
}

} // namespace unpack_test
