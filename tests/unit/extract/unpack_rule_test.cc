#include "extract/unpack_rule.hh"

#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>

namespace output_name_test {

using namespace qt;

class OutputNameTest : public testing::Test {
protected:
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }

  TempDir m_folder{"output-name-test-"};
};

TEST_F(OutputNameTest, NamesResults) {
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

TEST_F(OutputNameTest, NamesCachedFilesByTheirUrl) {
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

} // namespace output_name_test
