#include "os/file.hh"
#include "os/file_lock.hh"

#include "base/error.hh"

#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace file_test {

using namespace qt;

class FileTest : public testing::Test {
protected:
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }

  TempDir m_folder{"file-test-"};
};

TEST_F(FileTest, PublishesOnlyWhatWasCommitted) {
  write_file(path("f"), "old");
  {
    AtomicFile file(path("f"));
    file.write("half");
  }
  EXPECT_EQ(read_file(path("f")), "old");
  AtomicFile file(path("f"), 0640);
  file.write("new");
  EXPECT_EQ(read_file(path("f")), "old");
  file.commit();
  EXPECT_EQ(read_file(path("f")), "new");
  struct stat status;
  ASSERT_EQ(::stat(path("f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777 & ~0640u, 0u);
}

TEST(HomeFolder, IsTheFieldOfTheUser) {
  const std::string text = "root:x:0:0:root:/root:/bin/bash\nbroken:x:1000\n"
                           "me:x:1000:1000:Me,,,:/home/me:/bin/sh\n";
  EXPECT_EQ(home_in_passwd(text, 0), "/root");
  EXPECT_EQ(home_in_passwd(text, 1000), "/home/me");
  EXPECT_EQ(home_in_passwd(text, 100), "");
  EXPECT_EQ(home_in_passwd("", 0), "");
}

TEST_F(FileTest, LeavesNoTemporaryFileBehind) {
  { AtomicFile file(path("g")); }
  remove_tree(path("g"));
  EXPECT_EQ(::rmdir(m_folder.path().c_str()), 0) << "the folder should be empty";
}

TEST_F(FileTest, ReadsAFileThatMayBeAbsent) {
  EXPECT_EQ(read_file_if_exists(path("no")), std::nullopt);
  EXPECT_THROW(read_file(path("no")), Error);
  write_file(path("t"), "0123456789");
  EXPECT_EQ(read_tail(path("t"), 3), "789");
  EXPECT_EQ(read_tail(path("no"), 3), "");
}

TEST_F(FileTest, ReadsWholeOnlyWhatEnds) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  for (const std::string& endless : {path("fifo"), std::string("/dev/zero"), m_folder.path()}) {
    EXPECT_THROW(read_file(endless), Error) << endless;
    EXPECT_THROW(read_file_if_exists(endless), Error) << endless;
    EXPECT_EQ(read_tail(endless, 10), "") << endless;
  }
  write_file(path("large"), std::string(3000, 'x'));
  EXPECT_EQ(read_file(path("large"), 3000).size(), 3000u);
  try {
    read_file(path("large"), 2048);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "reading " + path("large") + ": it holds more than 2 KiB");
  }
  ASSERT_EQ(::truncate(path("large").c_str(), off_t{1} << 40), 0);
  EXPECT_THROW(read_file(path("large"), 1 << 20), Error);
  EXPECT_NE(read_file("/proc/self/status"), "") << "says that it has no bytes";
  EXPECT_THROW(read_file(path("large") + std::string("\0x", 2)), Error);
}

TEST_F(FileTest, LockIsHeldOnceAndWaitersWake) {
  auto held = FileLock::acquire(path("lock"));
  ASSERT_TRUE(held);
  EXPECT_FALSE(FileLock::acquire(path("lock")));
  std::thread waiter([this] { EXPECT_TRUE(FileLock::await(path("lock"), Deadline::never())); });
  held.reset();
  waiter.join();
}

TEST_F(FileTest, TellsWhetherAFileIsInUse) {
  const std::string file = path("file");
  write_file(file, "content");
  EXPECT_NE(in_use_elsewhere(file), InUse::yes);
  {
    const auto held = FileLock::share(file);
    const auto held_too = FileLock::share(file);
    EXPECT_TRUE(held && held_too);
    EXPECT_EQ(in_use_elsewhere(file), InUse::yes);
    // A program that locks the image as QEMU does finds it free.
    const UniqueFd image = open_file(file, O_RDWR);
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_start = 100;
    range.l_len = 164;
    EXPECT_EQ(::fcntl(image.get(), F_OFD_SETLK, &range), 0) << std::strerror(errno);
  }
  EXPECT_NE(in_use_elsewhere(file), InUse::yes);
  EXPECT_FALSE(FileLock::share(path("no")));
}

TEST_F(FileTest, AtomicFilesHaveTheModeThatTheUmaskLeaves) {
  const mode_t mask = ::umask(027);
  AtomicFile file(path("atomic"), 0666);
  file.commit();
  ::umask(mask);
  struct stat status;
  ASSERT_EQ(::stat(path("atomic").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
}

TEST_F(FileTest, RemovesTreesWithoutFollowingLinks) {
  make_directories(path("a/b/c"));
  write_file(path("keep"), "x");
  ASSERT_EQ(::symlink(path("keep").c_str(), path("a/b/link").c_str()), 0);
  remove_tree(path("a"));
  EXPECT_FALSE(exists(path("a")));
  EXPECT_TRUE(exists(path("keep")));
  remove_tree(path("a"));
}

// Who may do anything is for the length of a test someone who may not.
class AsNobody {
public:
  AsNobody() { (void)!::seteuid(::getuid() == 0 ? 65534 : ::getuid()); }
  ~AsNobody() { (void)!::seteuid(::getuid()); }
};

TEST_F(FileTest, RemovesTreesWhoseFoldersAreClosed) {
  make_directories(path("a/b/c"));
  write_file(path("a/b/c/f"), "x");
  write_file(path("a/g"), "x");
  for (const char* const name : {"a/b/c/f", "a/b/c", "a/b", "a", "a/g", ""}) {
    ASSERT_EQ(::chown(path(name).c_str(), ::getuid() == 0 ? 65534 : ::getuid(), ::getgid()), 0);
  }
  ASSERT_EQ(::chmod(path("a/b/c").c_str(), 0), 0);
  ASSERT_EQ(::chmod(path("a/b").c_str(), 0500), 0);
  ASSERT_EQ(::chmod(path("a").c_str(), 0), 0);
  const AsNobody nobody;
  remove_tree(path("a"));
  EXPECT_FALSE(exists(path("a")));
}

TEST_F(FileTest, WhatCannotBeRemovedIsMovedAside) {
  if (::getuid() != 0) {
    GTEST_SKIP() << "only root can make files of other users";
  }
  for (int round = 1; round <= 3; ++round) { // what is left in one is there in the next
    make_directories(path("run/scratch/roots"));
    write_file(path("run/scratch/roots/f"), "x");
    write_file(path("run/log"), "x");
    for (const char* const name : {"run/scratch", "run", ""}) {
      ASSERT_EQ(::chown(path(name).c_str(), 65534, ::getgid()), 0);
    }
    const AsNobody nobody;
    const std::vector<std::string> left = make_empty_directory(path("run"));
    EXPECT_EQ(left.size(), static_cast<std::size_t>(round));
    EXPECT_NE(left[0].find(path("run/scratch")), std::string::npos) << left[0];
    EXPECT_FALSE(exists(path("run/scratch")));
    EXPECT_FALSE(exists(path("run/log")));
    EXPECT_TRUE(exists(path(format("run/scratch.left-{}/roots/f", round))));
  }
}

TEST_F(FileTest, AFolderThatCannotBeEmptiedMakesRoomAsAWhole) {
  if (::getuid() != 0) {
    GTEST_SKIP() << "only root can make files of other users";
  }
  make_directories(path("run/scratch"));
  ASSERT_EQ(::chown(m_folder.path().c_str(), 65534, ::getgid()), 0);
  const AsNobody nobody; // "run" is root's: nothing can be renamed in it
  EXPECT_EQ(make_empty_directory(path("run")).size(), 1U);
  EXPECT_FALSE(exists(path("run/scratch")));
  EXPECT_TRUE(exists(path("run.left-1/scratch")));
}

TEST_F(FileTest, FindsProgramsAsExecDoes) {
  EXPECT_TRUE(find_program("sh"));
  EXPECT_FALSE(find_program("no-such-program-here"));
  write_file(path("plain"), "");
  EXPECT_FALSE(find_program(path("plain"))) << "not executable";
  EXPECT_FALSE(find_program(m_folder.path())) << "a folder";
}

} // namespace file_test
