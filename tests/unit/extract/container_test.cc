#include "extract/container.hh"

#include "../support/hostile_archive.hh"
#include "base/error.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace container_test {

using namespace qt;
using testing::HasSubstr;

template<typename Body>
std::string error_of(Body body) {
  try {
    body();
    return "";
  } catch (const Error& error) {
    return format("{}: {}", static_cast<int>(error.code()), error.what());
  }
}

TEST(FormatTest, HasNamesThatReadBack) {
  for (int i = 0; i <= static_cast<int>(Format::deb); ++i) {
    const auto one = static_cast<Format>(i);
    EXPECT_EQ(parse_format(format_name(one)), one);
    // Those of compressions have one name in both modules.
    const Compression compression = compression_of(one);
    EXPECT_EQ(compression == Compression::none, one == Format::raw || is_archive(one));
    EXPECT_EQ(compression_name(compression),
              compression == Compression::none ? "" : format_name(one));
  }
  EXPECT_EQ(parse_format("iso"), Format::iso9660);
  EXPECT_THAT(error_of([] { parse_format("TAR"); }), testing::StartsWith("2: "));
}

class ContainerTest : public testing::Test {
protected:
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }
  Format sniffed(const std::string& bytes) const {
    write_file(path("f"), bytes);
    return sniff_file(FileSource(path("f")));
  }
  // The names of the members of a file with this content.
  std::vector<std::string> names_in(const std::string& bytes,
                                    const OpenOptions& options = {}) const {
    write_file(path("f"), bytes);
    const std::unique_ptr<MemberReader> archive = open_archive(path("f"), options);
    std::vector<std::string> names;
    ArchiveMember member;
    while (archive->next(member)) {
      names.push_back(member.name);
    }
    return names;
  }

  TempDir m_folder{"container-test-"};
};

TEST_F(ContainerTest, TellsFormatsByContent) {
  EXPECT_EQ(sniffed(""), Format::raw);
  EXPECT_EQ(sniffed(std::string(10240, '\0')), Format::raw);
  EXPECT_EQ(sniffed(TarMaker().file("x", "1").bytes()), Format::tar);
  std::string damaged = TarMaker().file("x", "1").bytes();
  damaged[0] = 'y';
  EXPECT_EQ(sniffed(damaged), Format::raw);
  const std::string cpio = CpioMaker().add("x", 0100644, "1").bytes();
  EXPECT_EQ(sniffed(cpio), Format::cpio);
  EXPECT_EQ(sniffed(std::string(512, '\0') + cpio), Format::cpio) << "as the kernel reads it";
  EXPECT_EQ(sniffed(std::string(510, '\0') + cpio), Format::raw) << "as the kernel does not";
  EXPECT_EQ(sniffed(make_zip("x", "1", 0)), Format::zip);
  EXPECT_EQ(sniffed("!<arch>\ndebian-binary   "), Format::deb);
  EXPECT_EQ(sniffed("!<arch>\nobject.o/       "), Format::raw);
  EXPECT_EQ(sniffed(std::string(32769, '\0') + "CD001\1"), Format::iso9660);
}

TEST_F(ContainerTest, OpensArchivesOfEveryKind) {
  using testing::ElementsAre;
  EXPECT_THAT(names_in(TarMaker().file("x", "1").file("y", "2").bytes()), ElementsAre("x", "y"));
  const std::string cpio = CpioMaker().add("x", 0100644, "1").bytes();
  EXPECT_THAT(names_in(cpio), ElementsAre("x"));
  EXPECT_THAT(names_in(std::string(512, '\0') + cpio), ElementsAre("x"));
  EXPECT_THAT(names_in(make_zip("x", "1", 0x83dcefb7)), ElementsAre("x"));
}

TEST_F(ContainerTest, ReadsCpioArchivesThatFollowEachOther) {
  using testing::ElementsAre;
  const std::string one = CpioMaker().add("x", 0100644, "1").bytes();
  const std::string two =
      CpioMaker().add("y", 0100644, std::string(100000, 'y')).add("z", 0100644, "").bytes();
  for (const std::size_t zeros : {0, 1, 3, 4, 512, 70000}) {
    const std::string padding(zeros, '\0');
    EXPECT_THAT(names_in(one + padding + two + padding + one), ElementsAre("x", "y", "z", "x"))
        << zeros;
  }
  for (const std::string other : {"x", "0707", "070701", "text that is no archive"}) {
    EXPECT_THAT(error_of([&] { names_in(one + other); }), testing::StartsWith("1: ")) << other;
    EXPECT_THAT(error_of([&] { names_in(one + std::string(4, '\0') + other); }),
                testing::StartsWith("1: "))
        << other;
  }
}

TEST_F(ContainerTest, ReadsTarArchivesThatFollowEachOther) {
  const std::string one = TarMaker().file("x", "1").bytes();
  const std::string two = TarMaker().file("y", "2").bytes();
  EXPECT_THAT(names_in(one + std::string(10240, '\0') + two), testing::ElementsAre("x", "y"));
  EXPECT_EQ(error_of([&] { names_in(one + std::string(512, 'g')); }),
            "1: the tar archive is followed by something else");
  EXPECT_THAT(error_of([&] { names_in(one + "some"); }), testing::StartsWith("1: "));
  EXPECT_THAT(error_of([&] { names_in(one + TarMaker().file("y", "2").without_end()); }),
              HasSubstr("no end mark"));
}

TEST_F(ContainerTest, HoldsToTheFormatAskedFor) {
  const std::string tar = TarMaker().file("x", "1").bytes();
  OpenOptions options;
  options.format = Format::zip;
  EXPECT_EQ(error_of([&] { names_in(tar, options); }), "1: it is tar, not zip");
  options.format = Format::xz;
  write_file(path("f"), "\x1f\x8b\x08");
  EXPECT_EQ(error_of([&] { open_archive(path("f"), options); }), "1: it is gz, not xz");
  // Content that says nothing is taken for what is asked for, and is not that either.
  options.format = Format::cpio;
  EXPECT_THAT(error_of([&] { names_in("nothing of the kind", options); }),
              HasSubstr("1: the cpio"));
}

TEST_F(ContainerTest, SaysWhatIsNoArchive) {
  EXPECT_EQ(error_of([&] { names_in("text"); }), "1: it is not an archive that is known here");
  using namespace std::string_literals;
  const std::string gz = // "text, not an archive\n"
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\x49\xad\x28\xd1\x51\xc8\xcb\x2f\x51"
      "\x48\xcc\x53\x48\x2c\x4a\xce\xc8\x2c\x4b\xe5\x02\x00\x2f\xeb\xf1\x05\x15\x00\x00\x00"s;
  EXPECT_THAT(error_of([&] { names_in(gz); }), HasSubstr("gz-compressed, but what is inside"));
  EXPECT_THAT(error_of([&] {
                names_in("!<arch>\ndebian-binary   0           0     0     100644  4   "
                         "      `\n2.0\n");
              }),
              HasSubstr("data.tar"));
}

TEST_F(ContainerTest, SaysThatThereIsNoFile) {
  EXPECT_THAT(error_of([&] { open_archive(path("nothing"), {}); }), testing::StartsWith("77: "));
  EXPECT_THAT(error_of([&] { open_archive(m_folder.path(), {}); }), testing::StartsWith("1: "));
}

} // namespace container_test

namespace zip_directory_test {

using namespace qt;

class ZipDirectoryTest : public testing::Test {
protected:
  // The bytes of the smaller zip; nothing if the whole has to be read.
  std::optional<std::string> smaller(const std::string& bytes,
                                     const std::vector<std::string>& names) const {
    const std::string path = m_folder.path() + "/zip";
    write_file(path, bytes);
    auto file = std::make_unique<FileSource>(path);
    const std::unique_ptr<ByteSource> source = zip_of_members(file, names);
    if (!source) {
      EXPECT_TRUE(file) << "it is left to the caller";
      return std::nullopt;
    }
    EXPECT_FALSE(file);
    std::string text(source->size(), '\0');
    EXPECT_EQ(source->read(std::as_writable_bytes(std::span(text))), text.size());
    // Any stretch of it reads the same.
    for (const std::size_t at : {std::size_t{0}, text.size() / 2, text.size() - 3}) {
      std::string part(3, '\0');
      source->seek(at);
      EXPECT_EQ(source->read(std::as_writable_bytes(std::span(part))), 3U);
      EXPECT_EQ(part, text.substr(at, 3));
    }
    return text;
  }

  TempDir m_folder{"zip-directory-test-"};
};

TEST_F(ZipDirectoryTest, ShowsJustTheMembersAskedFor) {
  ZipMaker zip;
  for (int i = 0; i < 100; ++i) {
    zip.add(format("folder/file{}", i), std::string(1000, static_cast<char>('a' + i % 26)), 0);
  }
  const std::optional<std::string> one = smaller(zip.bytes(), {"folder/file27"});
  ASSERT_TRUE(one);
  EXPECT_LT(one->size(), 1500U);
  EXPECT_NE(one->find(std::string(1000, 'b')), std::string::npos);
  const std::optional<std::string> two = smaller(zip.bytes(), {"folder/file99", "folder/file0"});
  ASSERT_TRUE(two);
  EXPECT_LT(two->find(std::string(1000, 'a')), two->find(std::string(1000, 'v')));
}

TEST_F(ZipDirectoryTest, GivesUpWhereTheWholeHasToBeRead) {
  const std::string zip = make_zip("one", "data", 0);
  EXPECT_TRUE(smaller(zip, {"one"}));
  EXPECT_FALSE(smaller(zip, {"two"})) << "not there";
  EXPECT_FALSE(smaller(zip, {"one", "two"}));
  EXPECT_FALSE(smaller(zip, {"ne"})) << "the end of a name is not the name";
  EXPECT_FALSE(smaller("in front" + zip, {"one"}));
  EXPECT_FALSE(smaller(zip.substr(0, zip.size() - 1), {"one"})) << "truncated";
  EXPECT_FALSE(smaller("", {"one"}));
  std::string damaged = zip;
  damaged[0] = 'X'; // the member's own header
  EXPECT_FALSE(smaller(damaged, {"one"}));
  damaged = zip;
  damaged[zip.find("PK\x01\x02") + 28] = '\x7f'; // longer than the directory is
  EXPECT_FALSE(smaller(damaged, {"one"}));
}

TEST_F(ZipDirectoryTest, AcceptsACommentBehindIt) {
  std::string zip = make_zip("one", "data", 0);
  zip[zip.size() - 2] = 5;
  EXPECT_TRUE(smaller(zip + "hello", {"one"}));
}

} // namespace zip_directory_test
