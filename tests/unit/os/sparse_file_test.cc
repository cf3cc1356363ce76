#include "os/sparse_file.hh"

#include "os/file.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/stat.h>

namespace sparse_file_test {

using namespace qt;

class SparseFileTest : public testing::Test {
protected:
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }
  UniqueFd create(const std::string& name) const {
    return open_file(path(name), O_RDWR | O_CREAT | O_TRUNC);
  }
  std::uint64_t used_bytes(const std::string& name) const {
    struct stat status = {};
    EXPECT_EQ(::stat(path(name).c_str(), &status), 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }

  TempDir m_folder{"sparse-file-test-"};
};

TEST_F(SparseFileTest, WritesWhatItIsGivenInWhateverPieces) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::string text;
    while (text.size() < 60000) {
      const std::size_t length = random() % 9000;
      text += std::string(length, random() % 2 == 0 ? '\0' : 'x');
    }
    const UniqueFd fd = create("f");
    SparseWriter writer(fd.get(), "f");
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = std::min<std::size_t>(1 + random() % 10000, text.size() - at);
      writer.write(bytes_of(std::string_view(text).substr(at, length)));
      at += length;
    }
    writer.finish();
    ASSERT_TRUE(read_file(path("f")) == text) << "round " << round;
  }
}

TEST_F(SparseFileTest, LeavesZerosOut) {
  const UniqueFd fd = create("f");
  SparseWriter writer(fd.get(), "f");
  writer.write(bytes_of("start"));
  writer.write(bytes_of(std::string(1 << 20, '\0')));
  writer.skip_to(3 << 20);
  writer.skip_to(100); // not past the end: nothing happens
  writer.write(bytes_of("end"));
  writer.skip_to(4 << 20);
  writer.finish();
  EXPECT_EQ(writer.size(), 4U << 20);
  EXPECT_LE(used_bytes("f"), 64U << 10);
  const std::string text = read_file(path("f"));
  EXPECT_EQ(text.size(), 4U << 20);
  EXPECT_EQ(text.substr(3 << 20, 4), std::string("end\0", 4));
}

TEST_F(SparseFileTest, CopiesWithHoles) {
  const UniqueFd from = create("from");
  SparseWriter writer(from.get(), "from");
  writer.skip_to(1 << 20);
  writer.write(bytes_of("middle"));
  writer.skip_to(2 << 20);
  writer.finish();
  const UniqueFd to = create("to");
  copy_contents(from.get(), to.get(), 2 << 20, "to");
  EXPECT_TRUE(read_file(path("to")) == read_file(path("from")));
  EXPECT_LE(used_bytes("to"), 64U << 10);
}

} // namespace sparse_file_test
