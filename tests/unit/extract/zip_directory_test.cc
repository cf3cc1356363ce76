#include "extract/zip_directory.hh"

#include "../support/hostile_archive.hh"
#include "os/file.hh"

#include <gtest/gtest.h>

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
