// Files in QEMU's arguments, as assets.
#include "record/recorded_assets.hh"

#include "cache/cache.hh"
#include "data/digest.hh"
#include "environment.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace recorded_assets_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RecordedAssets : public testing::Test {
protected:
  std::string make(const std::string& name, const std::string& content = "x") const {
    write_file(m_folder.path() + "/" + name, content);
    return m_folder.path() + "/" + name;
  }
  // A file of the cache, as a download leaves it.
  static std::string publish(const std::string& content, const std::string& url) {
    Digester digester(DigestKind::sha256);
    digester.add(bytes_of(content));
    const std::string digest = digester.hex();
    const Cache cache = Cache::open();
    const FileLock lock = cache.lock(digest);
    write_all(cache.open_partial(digest).get(), content, "partial");
    cache.publish(digest, url);
    return digest;
  }

  TempDir m_folder{"recorded-assets-"};
  support::ScopedVariable m_cache{"QEMU_TEST_CACHE_DIR", m_folder.path() + "/cache"};
};

TEST_F(RecordedAssets, AFileIsAnAssetWithItsPath) {
  const std::string bios = make("u-boot.bin");
  const RecordedArguments found = recorded_arguments({"-m", "128M", "-bios", bios, "-smp", "2"});
  EXPECT_THAT(found.args, ElementsAre("-m", "128M", "-bios", "${asset.u-boot-bin}", "-smp", "2"));
  ASSERT_THAT(found.assets, SizeIs(1));
  EXPECT_EQ(found.assets[0].name, "u-boot-bin");
  EXPECT_EQ(found.assets[0].path, bios);
  EXPECT_EQ(found.assets[0].url, "");
  EXPECT_FALSE(found.assets[0].writable);
}

TEST_F(RecordedAssets, ADiskIsACopy) {
  const std::string disk = make("disk.img");
  const std::string cd = make("cd.iso");
  const RecordedArguments found =
      recorded_arguments({"-drive", "if=sd,file=" + disk + ",format=raw", "-cdrom", cd, "-drive",
                          "file=" + disk + ",readonly=on", "-drive", "media=cdrom,file=" + cd});
  EXPECT_THAT(found.args,
              ElementsAre("-drive", "if=sd,file=${file.disk-img},format=raw", "-cdrom",
                          "${asset.cd-iso}", "-drive", "file=${asset.disk-img},readonly=on",
                          "-drive", "media=cdrom,file=${asset.cd-iso}"));
  ASSERT_THAT(found.assets, SizeIs(2));
  EXPECT_TRUE(found.assets[0].writable);
  EXPECT_FALSE(found.assets[1].writable);
  EXPECT_THAT(recorded_arguments({disk}).args, ElementsAre("${file.disk-img}"));
  EXPECT_THAT(recorded_arguments({"-snapshot", disk}).args,
              ElementsAre("-snapshot", "${asset.disk-img}"));
}

TEST_F(RecordedAssets, TheRecordingRunsOnCopiesOfDisks) {
  const std::string disk = make("disk.img", "content");
  const std::string kernel = make("kernel");
  const std::string folder = m_folder.path() + "/copies";
  make_directories(folder);
  const auto words = with_copies_of_disks({"-kernel", kernel, "-hda", disk}, folder);
  EXPECT_THAT(words, ElementsAre("-kernel", kernel, "-hda", folder + "/disk0"));
  EXPECT_EQ(read_file(folder + "/disk0"), "content");
  write_file(words[3], "changed");
  EXPECT_EQ(read_file(disk), "content");
}

TEST_F(RecordedAssets, WhatIsNoFileStaysAsItIs) {
  ASSERT_EQ(::chdir(m_folder.path().c_str()), 0);
  make("virt");
  make("console");
  const std::vector<std::string> words = {"-M",      "virt",
                                          "-append", "console=ttyS0 root=/dev/sda",
                                          "-drive",  "file=/nosuch/disk,if=sd",
                                          "-kernel", "/dev/null",
                                          "-L",      "/usr",
                                          "-device", "loader,addr=1"};
  const RecordedArguments found = recorded_arguments(words);
  EXPECT_EQ(found.args, words);
  EXPECT_THAT(found.assets, IsEmpty());
  EXPECT_THAT(recorded_arguments({"-append", "x=${y}"}).args, ElementsAre("-append", "x=$${y}"));
}

TEST_F(RecordedAssets, NamesAreUniqueAndFit) {
  make_directories(m_folder.path() + "/a");
  make_directories(m_folder.path() + "/b");
  const std::string one = make("a/.kernel");
  const std::string other = make("b/kernel");
  const RecordedArguments found =
      recorded_arguments({"-kernel", one, "-initrd", other, "-dtb", one});
  EXPECT_THAT(found.args, ElementsAre("-kernel", "${asset.kernel}", "-initrd", "${asset.kernel-2}",
                                      "-dtb", "${asset.kernel}"));
}

TEST_F(RecordedAssets, AFileThatTheCacheKnowsHasItsUrlAndDigest) {
  const std::string digest = publish("a kernel", "https://host/path/vmlinuz");
  const std::string copy = make("copy", "a kernel");
  const std::string other = make("other", "b kernel");
  const RecordedArguments found = recorded_arguments(
      {"-kernel", copy, "-initrd", Cache::open().path_of(digest), "-dtb", other});
  if (Cache::url_of(Cache::open().path_of(digest)).empty()) {
    GTEST_SKIP() << "this file system keeps no extended attributes";
  }
  ASSERT_THAT(found.assets, SizeIs(3));
  EXPECT_EQ(found.assets[0].name, "vmlinuz");
  EXPECT_EQ(found.assets[0].url, "https://host/path/vmlinuz");
  EXPECT_EQ(found.assets[0].digest, digest);
  EXPECT_EQ(found.assets[0].path, "");
  EXPECT_EQ(found.assets[1].url, "https://host/path/vmlinuz");
  EXPECT_EQ(found.assets[2].url, "") << "one of the same size is not the same";
  EXPECT_EQ(found.assets[2].path, other);
}

} // namespace
} // namespace recorded_assets_test
} // namespace qt
