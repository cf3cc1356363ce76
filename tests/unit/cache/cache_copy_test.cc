#include "cache/cache_copy.hh"

#include "base/error.hh"
#include "filled_cache.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace cache_copy_test {

using Outcome = CacheCopy::Outcome;
using support::FilledCache;
using testing::HasSubstr;

struct stat status_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status;
}

TEST(CacheCopy, GivesAFileThatIsRightInBoth) {
  const FilledCache from("from");
  const FilledCache to("to");
  const std::string digest = from.put("content");
  const CacheCopy copy = copy_asset(from.cache, to.cache, digest, Trust::its_records);
  EXPECT_EQ(copy.outcome, Outcome::copied);
  EXPECT_EQ(copy.path, to.cache.own_path(digest));
  EXPECT_EQ(read_file(copy.path), "content");
  EXPECT_EQ(status_of(copy.path).st_mode & 07777, 0440u);
  EXPECT_TRUE(exists(copy.path + ".stamp"));
  EXPECT_EQ(Cache::url_of(copy.path), Cache::url_of(from.cache.own_path(digest)));
  // A second name changes a file's times: both records must fit all the same.
  EXPECT_EQ(from.cache.state(digest), Cache::State::verified);
  EXPECT_EQ(to.cache.state(digest), Cache::State::verified);
  EXPECT_EQ(copy_asset(from.cache, to.cache, digest, Trust::nothing).outcome, Outcome::there);
}

TEST(CacheCopy, TakesNoRoomOnTheSameFileSystem) {
  const FilledCache from("from");
  const FilledCache to("to");
  const std::string digest = from.put(std::string(100'000, 'x'));
  const CacheCopy copy = copy_asset(from.cache, to.cache, digest, Trust::its_records);
  const struct stat source = status_of(from.cache.own_path(digest));
  const struct stat target = status_of(copy.path);
  if (source.st_ino != target.st_ino) {
    GTEST_SKIP() << "the file system shares blocks, which stat(2) does not show";
  }
  EXPECT_EQ(source.st_dev, target.st_dev);
}

TEST(CacheCopy, WhatIsNotThereIsAbsent) {
  const FilledCache from("from");
  const FilledCache to("to");
  const CacheCopy copy = copy_asset(from.cache, to.cache, std::string(64, 'a'), Trust::its_records);
  EXPECT_EQ(copy.outcome, Outcome::absent);
  EXPECT_THAT(copy.reason, HasSubstr(from.cache.root()));
}

TEST(CacheCopy, AWrongFileIsNotTaken) {
  for (const Trust trust : {Trust::its_records, Trust::nothing}) {
    const FilledCache from("from");
    const FilledCache to("to");
    const std::string digest = from.put("content");
    from.damage(digest);
    if (trust == Trust::nothing) { // then its record is not asked
      from.cache.record(digest, Cache::marks(from.cache.own_path(digest)).value());
    }
    const CacheCopy copy = copy_asset(from.cache, to.cache, digest, trust);
    EXPECT_EQ(copy.outcome, Outcome::wrong);
    EXPECT_THAT(copy.reason, HasSubstr("has the digest"));
    EXPECT_EQ(to.cache.state(digest), Cache::State::absent);
    EXPECT_FALSE(exists(to.cache.partial_path(digest)));
    EXPECT_EQ(read_file(from.cache.own_path(digest)), "damage");
  }
}

TEST(CacheCopy, AWrongFileInTheTargetIsPutAside) {
  const FilledCache from("from");
  const FilledCache to("to");
  const std::string digest = from.put("content");
  make_directories(to.cache.folder());
  write_file(to.cache.own_path(digest), "wrong");
  EXPECT_EQ(copy_asset(from.cache, to.cache, digest, Trust::its_records).outcome, Outcome::copied);
  EXPECT_EQ(read_file(to.cache.own_path(digest)), "content");
  EXPECT_EQ(read_file(to.cache.own_path(digest) + ".corrupt"), "wrong");
}

TEST(CacheCopy, TakesFromALowerCacheWithoutTouchingIt) {
  const FilledCache lower("lower");
  const FilledCache upper("upper");
  const FilledCache to("to");
  const std::string digest = lower.put("content");
  const struct stat before = status_of(lower.cache.own_path(digest));
  const Cache both(upper.cache.root(), {lower.cache.root()});
  EXPECT_EQ(copy_asset(both, to.cache, digest, Trust::its_records).outcome, Outcome::copied);
  const struct stat after = status_of(lower.cache.own_path(digest));
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
  EXPECT_EQ(before.st_nlink, after.st_nlink);
}

} // namespace cache_copy_test
} // namespace qt
