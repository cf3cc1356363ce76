#include "cache/cache.hh"

#include "base/error.hh"
#include "environment.hh"
#include "os/file.hh"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

namespace qt {
namespace cache_test {

using support::ScopedVariable;

const std::string k_digest(64, 'a');

class CacheTest : public testing::Test {
protected:
  void put(std::string_view bytes) const {
    make_directories(m_cache.folder());
    write_file(m_cache.path_of(k_digest), bytes);
  }
  void put_verified(std::string_view bytes) const {
    make_directories(m_cache.folder());
    write_file(m_cache.partial_path(k_digest), bytes);
    m_cache.publish(k_digest, "http://host/file");
  }
  std::string side(const std::string& suffix) const {
    return m_cache.folder() + "/" + k_digest + suffix;
  }

  TempDir m_folder{"qt-cache-"};
  Cache m_cache{m_folder.path() + "/root"};
};

TEST(CacheFolder, IsWhereQemuLooks) {
  const ScopedVariable home("HOME", "/home/me");
  const ScopedVariable xdg("XDG_CACHE_HOME", std::nullopt);
  const ScopedVariable own("QEMU_TEST_CACHE_DIR", std::nullopt);
  EXPECT_EQ(Cache::open().folder(), "/home/me/.cache/qemu/download");
  {
    const ScopedVariable set("XDG_CACHE_HOME", "/xdg");
    EXPECT_EQ(Cache::open().folder(), "/xdg/qemu/download");
    const ScopedVariable override("QEMU_TEST_CACHE_DIR", "/mine");
    EXPECT_EQ(Cache::open().folder(), "/mine/download");
    EXPECT_EQ(Cache::open().root(), "/mine");
  }
  const ScopedVariable empty("QEMU_TEST_CACHE_DIR", "");
  EXPECT_EQ(Cache::open().folder(), "/home/me/.cache/qemu/download");
}

TEST(CacheFolder, WithoutHomeIsThatOfTheUser) {
  const ScopedVariable home("HOME", std::nullopt);
  const ScopedVariable xdg("XDG_CACHE_HOME", std::nullopt);
  const ScopedVariable own("QEMU_TEST_CACHE_DIR", std::nullopt);
  const std::string folder = home_folder();
  if (!folder.empty()) {
    EXPECT_EQ(folder, home_in_passwd(read_file("/etc/passwd"), ::getuid()));
    EXPECT_EQ(Cache::open().folder(), folder + "/.cache/qemu/download");
    return;
  }
  try {
    static_cast<void>(Cache::open());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_NE(std::string(error.what()).find("QEMU_TEST_CACHE_DIR"), std::string::npos);
  }
}

TEST_F(CacheTest, AFileNeedsARecordToCountAsVerified) {
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::absent);
  put("content");
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::unverified);
  m_cache.record(k_digest, Cache::marks(m_cache.path_of(k_digest)).value());
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::verified);
}

TEST_F(CacheTest, AFolderUnderADigestIsNoFile) {
  make_directories(m_cache.path_of(k_digest));
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::absent);
}

TEST_F(CacheTest, AnyChangeOfTheFileMakesItUnverified) {
  put_verified("content");
  const std::string path = m_cache.path_of(k_digest);
  ASSERT_EQ(m_cache.state(k_digest), Cache::State::verified);

  // Same size, same time set back: the inode's ctime gives it away, one tick of the kernel's clock
  // later.
  struct stat before;
  struct stat after;
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  do {
    ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
    write_file(path, "CONTENT");
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    ASSERT_EQ(::stat(path.c_str(), &after), 0);
  } while (after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::unverified);

  put_verified("content");
  ASSERT_EQ(m_cache.state(k_digest), Cache::State::verified);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  put("content");
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::unverified);
}

TEST_F(CacheTest, AFileThatChangedWhileItWasHashedGetsNoRecord) {
  put("content");
  const std::string marks = Cache::marks(m_cache.path_of(k_digest)).value();
  put("longer content");
  m_cache.record(k_digest, marks);
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::unverified);
}

TEST_F(CacheTest, PublishesAsQemuDoes) {
  const std::time_t before = std::time(nullptr);
  put_verified("content");
  const std::string path = m_cache.path_of(k_digest);
  EXPECT_EQ(read_file(path), "content");
  EXPECT_FALSE(exists(m_cache.partial_path(k_digest)));

  struct stat status;
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0440u);

  const std::string stamp = read_file(side(".stamp"));
  EXPECT_EQ(stamp.find_first_not_of("0123456789"), std::string::npos);
  EXPECT_GE(std::stoll(stamp), before);

  char value[200];
  const ssize_t length = ::getxattr(path.c_str(), "user.qemu-asset-url", value, sizeof value);
  if (length >= 0) { // not on every file system
    EXPECT_EQ(std::string(value, static_cast<std::size_t>(length)), "http://host/file");
    EXPECT_EQ(::getxattr(path.c_str(), "user.qemu-asset-hash", value, sizeof value), 64);
  }
}

TEST_F(CacheTest, ReplacesAnOlderFileOnlyBySuccess) {
  put_verified("old");
  EXPECT_THROW(m_cache.publish(k_digest, "http://host/file"), Error); // there is no partial
  EXPECT_EQ(read_file(m_cache.path_of(k_digest)), "old");
  put_verified("new");
  EXPECT_EQ(read_file(m_cache.path_of(k_digest)), "new");
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::verified);
}

TEST_F(CacheTest, NamesOfItsOwnNeverLookLikeQemus) {
  put_verified("content");
  const FileLock lock = m_cache.lock(k_digest);
  m_cache.remember_resume(k_digest, {"http://host/file", "\"tag\""});
  for (const char* suffix : {".stamp", ".verified", ".lock", ".resume"}) {
    EXPECT_TRUE(exists(side(suffix))) << suffix;
    EXPECT_NE((k_digest + suffix).size(), 64u); // the length that QEMU's cleaner looks for
    EXPECT_STRNE(suffix, ".download");
  }
}

TEST_F(CacheTest, RemembersWhereAPartialCameFrom) {
  make_directories(m_cache.folder());
  EXPECT_FALSE(m_cache.resume_of(k_digest));
  m_cache.remember_resume(k_digest, {"http://host/file", "\"tag\""});
  const std::optional<Cache::Resume> resume = m_cache.resume_of(k_digest);
  ASSERT_TRUE(resume);
  EXPECT_EQ(resume->url, "http://host/file");
  EXPECT_EQ(resume->validator, "\"tag\"");
  m_cache.discard_partial(k_digest);
  EXPECT_FALSE(m_cache.resume_of(k_digest));
}

TEST_F(CacheTest, OneHolderOfTheLockAtATime) {
  std::atomic<int> inside = 0;
  std::atomic<bool> overlapped = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const FileLock lock = m_cache.lock(k_digest);
        if (++inside != 1) {
          overlapped = true;
        }
        --inside;
        if (round % 5 == 0) { // the holder's last act
          ::unlink(side(".lock").c_str());
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_FALSE(overlapped);
}

TEST_F(CacheTest, AFileInTheWayIsAClearError) {
  write_file(m_cache.root(), "not a folder");
  try {
    const FileLock lock = m_cache.lock(k_digest);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_NE(std::string(error.what()).find(m_cache.folder()), std::string::npos);
  }
  m_cache.touch(k_digest); // says nothing
}

TEST_F(CacheTest, KnowsWhenAFileWasVerified) {
  using std::chrono::system_clock;
  put_verified("content");
  EXPECT_TRUE(m_cache.verified_since(k_digest, system_clock::now() - std::chrono::hours(1)));
  EXPECT_FALSE(m_cache.verified_since(k_digest, system_clock::now() + std::chrono::hours(1)));
}

TEST_F(CacheTest, PutsACorruptFileAside) {
  put("wrong");
  m_cache.quarantine(k_digest);
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::absent);
  EXPECT_EQ(read_file(side(".corrupt")), "wrong");
}

TEST_F(CacheTest, AFileThatCannotBePutAsideIsAnError) {
  m_cache.quarantine(k_digest); // nothing there: nothing to do
  put("wrong");
  make_directories(side(".corrupt") + "/in-the-way");
  EXPECT_THROW(m_cache.quarantine(k_digest), Error);
}

TEST_F(CacheTest, TheRecordOfAPublicationIsBelievedInThisBootOnly) {
  put_verified("content");
  std::string record = read_file(side(".verified"));
  ASSERT_EQ(std::count(record.begin(), record.end(), ' '), 5) << record;
  record[record.size() - 2] = record[record.size() - 2] == '0' ? '1' : '0';
  write_file(side(".verified"), record);
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::unverified);
  // What was hashed since is on the disk.
  m_cache.record(k_digest, Cache::marks(m_cache.path_of(k_digest)).value());
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::verified);
  record = read_file(side(".verified"));
  EXPECT_EQ(std::count(record.begin(), record.end(), ' '), 4) << record;
}

TEST_F(CacheTest, APartialWhoseOwnerWasKilledAtPublicationCanBeOpened) {
  make_directories(m_cache.folder());
  write_file(m_cache.partial_path(k_digest), "content");
  ASSERT_EQ(::chmod(m_cache.partial_path(k_digest).c_str(), 0440), 0);
  const UniqueFd fd = m_cache.open_partial(k_digest);
  EXPECT_EQ(read_to_end(fd.get(), "partial"), "content");
}

TEST_F(CacheTest, HoldsByPathOnlyWhatIsItsOwn) {
  const ScopedVariable own("QEMU_TEST_CACHE_DIR", m_cache.root());
  EXPECT_FALSE(Cache::hold_path(m_cache.path_of(k_digest)));
  put_verified("content");
  const std::string link = m_folder.path() + "/link";
  ASSERT_EQ(::symlink(m_cache.path_of(k_digest).c_str(), link.c_str()), 0);
  for (const std::string& path : {m_cache.path_of(k_digest), link}) {
    const auto hold = Cache::hold_path(path);
    EXPECT_TRUE(hold) << path;
    EXPECT_EQ(in_use_elsewhere(m_cache.path_of(k_digest)), InUse::yes);
  }
  write_file(m_folder.path() + "/other", "");
  EXPECT_FALSE(Cache::hold_path(m_folder.path() + "/other"));
}

class LowerCacheTest : public CacheTest {
protected:
  void put_lower(std::string_view bytes) const {
    make_directories(m_lower.folder());
    write_file(m_lower.own_path(k_digest), bytes);
  }

  Cache m_lower{m_folder.path() + "/lower"};
  Cache m_both{m_folder.path() + "/root", {m_folder.path() + "/none", m_lower.root()}};
};

TEST_F(LowerCacheTest, ServesWhatTheCacheItselfDoesNotHave) {
  EXPECT_EQ(m_both.state(k_digest), Cache::State::absent);
  EXPECT_EQ(m_both.path_of(k_digest), m_cache.own_path(k_digest));
  put_lower("content");
  EXPECT_EQ(m_both.state(k_digest), Cache::State::unverified);
  EXPECT_EQ(m_both.path_of(k_digest), m_lower.own_path(k_digest));
  put_verified("content");
  EXPECT_EQ(m_both.path_of(k_digest), m_cache.own_path(k_digest));
  EXPECT_EQ(m_both.state(k_digest), Cache::State::verified);
}

TEST_F(LowerCacheTest, ItsFilesAreRecordedInTheCacheAbove) {
  put_lower("content");
  make_directories(m_cache.folder());
  m_both.record(k_digest, Cache::marks(m_both.path_of(k_digest)).value());
  EXPECT_EQ(m_both.state(k_digest), Cache::State::verified);
  EXPECT_TRUE(exists(side(".verified")));
  EXPECT_EQ(m_cache.state(k_digest), Cache::State::absent);
  EXPECT_EQ(m_lower.state(k_digest), Cache::State::unverified);
  // Another file there needs another record.
  ASSERT_EQ(::unlink(m_lower.own_path(k_digest).c_str()), 0);
  put_lower("CONTENT");
  EXPECT_EQ(m_both.state(k_digest), Cache::State::unverified);
}

TEST_F(LowerCacheTest, ARecordOfItsOwnIsBelieved) {
  put_lower("content");
  m_lower.record(k_digest, Cache::marks(m_lower.own_path(k_digest)).value());
  EXPECT_EQ(m_both.state(k_digest), Cache::State::verified);
}

TEST_F(LowerCacheTest, IsNeverWritten) {
  put_lower("wrong");
  make_directories(m_cache.folder());
  m_both.touch(k_digest);
  m_both.quarantine(k_digest);
  EXPECT_FALSE(m_both.hold(k_digest));
  const FileLock lock = m_both.lock(k_digest);
  EXPECT_EQ(read_file(m_lower.own_path(k_digest)), "wrong");
  for (const char* suffix : {".stamp", ".lock", ".verified", ".corrupt"}) {
    EXPECT_FALSE(exists(m_lower.own_path(k_digest) + suffix)) << suffix;
  }
}

TEST_F(LowerCacheTest, TheEnvironmentNamesSeveral) {
  const ScopedVariable own("QEMU_TEST_CACHE_DIR", m_cache.root());
  const ScopedVariable lower("QEMU_TEST_CACHE_LOWER", "/none:" + m_lower.root() + ":");
  put_lower("content");
  {
    const auto hold = Cache::hold_path(m_lower.own_path(k_digest));
    EXPECT_TRUE(hold) << "its owner is not to remove what a test uses";
    EXPECT_EQ(in_use_elsewhere(m_lower.own_path(k_digest)), InUse::yes);
  }
  ASSERT_EQ(Cache::open().lower().size(), 2u);
  EXPECT_EQ(Cache::open().lower()[1].root(), m_lower.root());
}

} // namespace cache_test
} // namespace qt
