#include "extract/archive.hh"

#include "../support/hostile_archive.hh"
#include "../support/text_source.hh"
#include "base/error.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace archive_test {

using namespace qt;
using testing::HasSubstr;

std::unique_ptr<ArchiveReader> open_text(const std::string& bytes, ArchiveFormat format) {
  return std::make_unique<ArchiveReader>(
      std::make_unique<ReadAhead>(std::make_unique<TextSource>(bytes), Overlap::no), format);
}

std::string data_of(ArchiveReader& archive) {
  std::string text;
  ArchiveReader::Piece piece;
  while (archive.data(piece)) {
    text.resize(piece.offset, '\0');
    text += text_of(piece.bytes);
  }
  return text;
}

TEST(ArchiveTest, ReadsMembersInTheirOrder) {
  const auto archive = open_text(TarMaker()
                                     .add("d/", '5', "", "", 0755)
                                     .add("d/run", '0', "", "#!", 04755)
                                     .add("l", '2', "d/run")
                                     .add("h", '1', "d/run")
                                     .add("fifo", '6')
                                     .add("disk", '4')
                                     .bytes(),
                                 ArchiveFormat::tar);
  ArchiveMember member;
  ASSERT_TRUE(archive->next(member));
  EXPECT_EQ(member.name, "d/");
  EXPECT_EQ(member.type, MemberType::folder);
  ASSERT_TRUE(archive->next(member));
  EXPECT_EQ(member.type, MemberType::file);
  EXPECT_EQ(member.permissions, 0755U) << "no setuid";
  EXPECT_EQ(member.size, 2U);
  EXPECT_EQ(data_of(*archive), "#!");
  ASSERT_TRUE(archive->next(member));
  EXPECT_EQ(member.type, MemberType::symlink);
  EXPECT_EQ(member.target, "d/run");
  ASSERT_TRUE(archive->next(member));
  EXPECT_EQ(member.type, MemberType::hardlink);
  EXPECT_EQ(member.target, "d/run");
  ASSERT_TRUE(archive->next(member));
  EXPECT_EQ(member.type, MemberType::fifo);
  ASSERT_TRUE(archive->next(member));
  EXPECT_EQ(member.type, MemberType::device);
  EXPECT_FALSE(archive->next(member));
}

TEST(ArchiveTest, JumpsOverWhatIsNotRead) {
  // The data of the first member is never read where the source can jump.
  const std::string bytes =
      TarMaker().file("big", std::string(8 << 20, 'b')).file("small", "s").bytes();
  auto source = std::make_unique<TextSource>(bytes);
  const TextSource& looked_at = *source;
  ArchiveReader archive(std::make_unique<ReadAhead>(std::move(source), Overlap::no),
                        ArchiveFormat::tar);
  ArchiveMember member;
  ASSERT_TRUE(archive.next(member));
  ASSERT_TRUE(archive.next(member));
  EXPECT_EQ(member.name, "small");
  EXPECT_EQ(data_of(archive), "s");
  EXPECT_LT(looked_at.handed_out(), std::size_t{1} << 20);
}

TEST(ArchiveTest, RefusesEveryTruncation) {
  const std::string tar = TarMaker().file("one", "data").bytes();
  std::string cpio = CpioMaker().add("one", 0100644, "data").bytes();
  cpio.pop_back(); // the padding of the last name, which libarchive 3.8 does not miss
  cpio.pop_back();
  cpio.pop_back();
  const std::string zip = make_zip("one", "data", 0xadf3f363);
  for (const auto& [bytes, format] :
       {std::pair(tar.substr(0, 1024), ArchiveFormat::tar), std::pair(cpio, ArchiveFormat::cpio),
        std::pair(zip, ArchiveFormat::zip)}) {
    for (std::size_t length = 1; length < bytes.size(); length += 3) {
      try {
        const auto archive = open_text(bytes.substr(0, length), format);
        ArchiveMember member;
        while (archive->next(member)) {
          data_of(*archive);
        }
        ADD_FAILURE() << archive_format_name(format) << " of " << length << " bytes";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::failed) << error.what();
      }
    }
  }
}

TEST(ArchiveTest, ChecksWhatAZipSaysOfItsData) {
  for (const bool right : {true, false}) {
    const auto archive =
        open_text(make_zip("one", "data", right ? 0xadf3f363 : 0xadf3f362), ArchiveFormat::zip);
    ArchiveMember member;
    ASSERT_TRUE(archive->next(member));
    if (right) {
      EXPECT_EQ(data_of(*archive), "data");
    } else {
      EXPECT_THROW(data_of(*archive), Error);
    }
  }
}

TEST(ArchiveTest, TellsWhatTheSourceSays) {
  class FailingSource final : public ByteSource {
    std::size_t read(std::span<std::byte>) override { throw Error("the disk is on fire"); }
  };
  try {
    const ArchiveReader archive(
        std::make_unique<ReadAhead>(std::make_unique<FailingSource>(), Overlap::no),
        ArchiveFormat::tar);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "the disk is on fire");
    EXPECT_EQ(error.code(), ExitCode::internal);
  }
}

TEST(ArchiveTest, TakesNoWarningForAGoodHeader) {
  const auto archive = open_text(
      TarMaker().add("x", 'x', "", "10 path=\xff\n").file("one", "1").bytes(), ArchiveFormat::tar);
  ArchiveMember member;
  ASSERT_TRUE(archive->next(member));
  EXPECT_THAT(member.trouble, HasSubstr("tar"));
}

TEST(ArchiveTest, GivesAMemberAsASource) {
  auto archive =
      open_text(TarMaker().file("a", "not this").file("b", "but this").bytes(), ArchiveFormat::tar);
  ArchiveMember member;
  ASSERT_TRUE(archive->next(member));
  ASSERT_TRUE(archive->next(member));
  const std::unique_ptr<ByteSource> source = member_source(std::move(archive));
  std::string text(5, '\0');
  EXPECT_EQ(source->read(std::as_writable_bytes(std::span(text))), 5U);
  EXPECT_EQ(text, "but t");
  EXPECT_EQ(source->read(std::as_writable_bytes(std::span(text))), 3U);
  EXPECT_EQ(source->read(std::as_writable_bytes(std::span(text))), 0U);
}

} // namespace archive_test
