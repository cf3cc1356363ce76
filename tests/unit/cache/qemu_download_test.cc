#include "cache/qemu_download.hh"

#include "base/duration.hh"

#include <atomic>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace qt {
namespace qemu_download_test {

const std::string k_digest(64, 'a');

ino_t inode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

class QemuDownloadTest : public testing::Test {
protected:
  QemuDownloadTest() { make_directories(m_cache.folder()); }

  TempDir m_folder{"qt-qemu-download-"};
  Cache m_cache{m_folder.path()};
  std::string m_theirs = m_cache.download_path(k_digest);
};

TEST_F(QemuDownloadTest, WithoutOneThereIsNothingToWaitFor) {
  EXPECT_FALSE(await_qemu_download(m_cache, k_digest, Deadline::never()));
}

TEST_F(QemuDownloadTest, WaitsForTheirs) {
  std::atomic<bool> published = false;
  UniqueFd theirs = open_file(m_theirs, O_WRONLY | O_CREAT | O_EXCL);
  std::thread writer([&] {
    for (int i = 0; i < 5; ++i) {
      write_all(theirs.get(), "some", m_theirs);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    theirs.reset();
    published = true;
    ASSERT_EQ(::rename(m_theirs.c_str(), m_cache.own_path(k_digest).c_str()), 0);
  });
  EXPECT_TRUE(await_qemu_download(m_cache, k_digest, Deadline::never()));
  EXPECT_TRUE(published);
  writer.join();
}

TEST_F(QemuDownloadTest, DoesNotWaitForOneThatWasKilled) {
  write_file(m_theirs, "some");
  await_qemu_download(m_cache, k_digest, Deadline::never()); // comes back although nothing happens
  EXPECT_FALSE(exists(m_theirs));
}

TEST_F(QemuDownloadTest, OursIsSeenByThem) {
  const std::string partial = m_cache.partial_path(k_digest);
  write_file(partial, "some");
  {
    const QemuDownloadMark mark(m_cache, k_digest);
    EXPECT_EQ(inode_of(m_theirs), inode_of(partial));
    EXPECT_FALSE(await_qemu_download(m_cache, k_digest, Deadline::never())) << "waits for itself";
    m_cache.publish(k_digest, "http://host/file");
    EXPECT_FALSE(exists(m_theirs));
    EXPECT_TRUE(exists(m_cache.own_path(k_digest)));
  }
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::verified);
}

TEST_F(QemuDownloadTest, WhatTheyTookAwayAndMadeAnewIsTheirs) {
  write_file(m_cache.partial_path(k_digest), "some");
  {
    const QemuDownloadMark mark(m_cache, k_digest);
    ASSERT_EQ(::unlink(m_theirs.c_str()), 0);
    write_file(m_theirs, "theirs");
  }
  EXPECT_EQ(read_file(m_theirs), "theirs");
}

TEST_F(QemuDownloadTest, AMarkThatOutlivedItsMakerIsTakenOver) {
  write_file(m_cache.partial_path(k_digest), "some");
  ASSERT_EQ(::link(m_cache.partial_path(k_digest).c_str(), m_theirs.c_str()), 0);
  EXPECT_FALSE(await_qemu_download(m_cache, k_digest, Deadline::never()));
  { const QemuDownloadMark mark(m_cache, k_digest); }
  EXPECT_FALSE(exists(m_theirs));
}

} // namespace qemu_download_test
} // namespace qt
