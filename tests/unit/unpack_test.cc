#include "unpack.hh"

#include "error.hh"
#include "file.hh"

#include "../support/hostile_archive.hh"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace {

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

TEST(FormatTest, HasNamesThatReadBack) {
  for (const Format format :
       {Format::raw, Format::gz, Format::xz, Format::zst, Format::bz2, Format::tar, Format::zip,
        Format::cpio, Format::iso9660, Format::deb}) {
    EXPECT_EQ(parse_format(format_name(format)), format);
  }
  EXPECT_EQ(parse_format("iso"), Format::iso9660);
  EXPECT_EQ(code_of([] { parse_format("TAR"); }), ExitCode::usage);
}

TEST_F(UnpackTest, TellsFormatsByContent) {
  const auto sniffed = [&](const std::string& bytes) {
    write_file(path("f"), bytes);
    return sniff_file(FileSource(path("f")));
  };
  EXPECT_EQ(sniffed(""), Format::raw);
  EXPECT_EQ(sniffed(std::string(10240, '\0')), Format::raw);
  EXPECT_EQ(sniffed(TarMaker().file("x", "1").bytes()), Format::tar);
  std::string damaged = TarMaker().file("x", "1").bytes();
  damaged[0] = 'y';
  EXPECT_EQ(sniffed(damaged), Format::raw);
  EXPECT_EQ(sniffed(CpioMaker().add("x", 0100644, "1").bytes()), Format::cpio);
  EXPECT_EQ(sniffed(make_zip("x", "1", 0)), Format::zip);
  EXPECT_EQ(sniffed("!<arch>\ndebian-binary   "), Format::deb);
  EXPECT_EQ(sniffed("!<arch>\nobject.o/       "), Format::raw);
  EXPECT_EQ(sniffed(std::string(32769, '\0') + "CD001\1"), Format::iso9660);
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

TEST_F(UnpackTest, NamesResults) {
  using testing::ElementsAre;
  const std::string gz = "\x1f\x8b\x08";
  write_file(path("disk.img.gz"), gz);
  write_file(path("tree.tgz"), gz);
  write_file(path("firmware.bin"), "x");
  UnpackRule rule;
  EXPECT_THAT(default_names(path("disk.img.gz"), rule), ElementsAre("disk.img"));
  EXPECT_THAT(default_names(path("tree.tgz"), rule), ElementsAre("tree.tar"));
  EXPECT_THAT(default_names(path("firmware.bin"), rule), ElementsAre("firmware.bin"));
  rule.format = Format::raw;
  EXPECT_THAT(default_names(path("disk.img.gz"), rule), ElementsAre("disk.img.gz"));
  rule = {};
  rule.directory = true;
  EXPECT_THAT(default_names(path("tree.tgz"), rule), ElementsAre("tree"));
  write_file(path("root.tar.zst"), "");
  EXPECT_THAT(default_names(path("root.tar.zst"), rule), ElementsAre("root"));
  rule.members = {"a/b/"};
  EXPECT_THAT(default_names(path("tree.tgz"), rule), ElementsAre("b"));
  rule.directory = false;
  rule.members = {"/x/y", "./z"};
  EXPECT_THAT(default_names(path("tree.tgz"), rule), ElementsAre("y", "z"));
}

TEST_F(UnpackTest, NamesCachedFilesByTheirUrl) {
  const std::string digest = path(std::string(64, 'a'));
  write_file(digest, "x");
  const auto name_by = [&](const std::string& url) {
    if (::setxattr(digest.c_str(), "user.qemu-asset-url", url.data(), url.size(), 0) < 0) {
      return std::string("no attributes");
    }
    return default_names(digest, {})[0];
  };
  if (name_by("https://host/x") == "no attributes") {
    GTEST_SKIP() << "this file system has no user attributes";
  }
  EXPECT_EQ(name_by("https://host/a/b.bin?x=1/2#f"), "b.bin");
  for (const std::string url : {"https://host", "https://host/", "https://host/..", "x"}) {
    EXPECT_EQ(name_by(url), std::string(64, 'a')) << url;
  }
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

} // namespace
