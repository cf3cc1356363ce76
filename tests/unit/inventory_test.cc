#include "inventory.hh"

#include "digest.hh"
#include "error.hh"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class InventoryTest : public testing::Test {
protected:
  // A verified file that was last used `age` ago. Gives its digest.
  std::string put(const std::string& body, hours age) const {
    Digester digester(DigestKind::sha256);
    digester.add(bytes_of(body));
    const std::string digest = digester.hex();
    make_directories(m_cache.folder());
    write_file(m_cache.partial_path(digest), body);
    m_cache.publish(digest, "http://host/" + body);
    const auto then = m_now - age;
    write_file(m_cache.path_of(digest) + ".stamp",
               std::to_string(std::chrono::system_clock::to_time_t(then)));
    return digest;
  }
  void age(const std::string& name, hours by) const {
    const std::string path = m_cache.folder() + "/" + name;
    const timespec then{std::chrono::system_clock::to_time_t(m_now - by), 0};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), std::array{then, then}.data(), 0), 0);
  }
  std::vector<std::string> prune(const PruneRules& rules) const {
    std::vector<std::string> names;
    for (const Pruned& one : prune_cache(m_cache, rules)) {
      names.push_back(one.name);
    }
    return names;
  }
  PruneRules rules() const {
    PruneRules rules;
    rules.now = m_now;
    return rules;
  }

  TempDir m_folder{"qt-inventory-"};
  Cache m_cache{m_folder.path()};
  WallTime m_now = std::chrono::system_clock::now();
};

TEST_F(InventoryTest, ListsLeastRecentlyUsedFirst) {
  EXPECT_THAT(list_cache(m_cache), IsEmpty()); // not even a folder
  const std::string young = put("young", hours(1));
  const std::string old = put("older", hours(1000));
  write_file(m_cache.folder() + "/README", "not an asset");
  const std::vector<CacheEntry> entries = list_cache(m_cache);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].digest, old);
  EXPECT_EQ(entries[0].size, 5u);
  EXPECT_EQ(entries[1].digest, young);
  EXPECT_EQ(entries[1].state, Cache::State::verified);
  EXPECT_LT(m_now - entries[0].last_use, hours(1001));
  EXPECT_TRUE(entries[0].url == "http://host/older" || entries[0].url.empty());
}

TEST_F(InventoryTest, WithoutAStampTheFileTellsTheTime) {
  const std::string digest = put("content", hours(0));
  ASSERT_EQ(::unlink((m_cache.path_of(digest) + ".stamp").c_str()), 0);
  age(digest, hours(500));
  const auto unused = m_now - list_cache(m_cache).at(0).last_use;
  EXPECT_GT(unused, hours(499));
  EXPECT_LT(unused, hours(501));
}

TEST_F(InventoryTest, VerifyPutsAsideWhatIsWrong) {
  const std::string right = put("right", hours(0));
  const std::string wrong = put("wrong", hours(0));
  const std::string lying = put("lying", hours(0));
  // One that nobody looked at since, and one that its record calls right.
  for (const std::string& digest : {wrong, lying}) {
    ASSERT_EQ(::chmod(m_cache.path_of(digest).c_str(), 0640), 0);
    write_file(m_cache.path_of(digest), "damage");
  }
  m_cache.record(lying, Cache::marks(m_cache.path_of(lying)).value());
  ASSERT_EQ(::unlink((m_cache.path_of(right) + ".verified").c_str()), 0);

  std::vector<std::string> wrong_ones;
  EXPECT_EQ(verify_cache(m_cache,
                         [&](const CacheEntry& entry, bool is_right) {
                           if (!is_right) {
                             wrong_ones.push_back(entry.digest);
                           }
                         }),
            2u);
  EXPECT_THAT(wrong_ones, UnorderedElementsAre(wrong, lying));
  EXPECT_EQ(m_cache.state(right), Cache::State::verified);
  EXPECT_EQ(m_cache.state(wrong), Cache::State::absent);
  EXPECT_EQ(m_cache.state(lying), Cache::State::absent);
  EXPECT_TRUE(exists(m_cache.path_of(wrong) + ".corrupt"));
}

TEST_F(InventoryTest, PrunesByAge) {
  const std::string young = put("young", hours(1));
  const std::string old = put("old", hours(1000));
  PruneRules by_age = rules();
  by_age.max_age = hours(100);
  EXPECT_THAT(prune(by_age),
              UnorderedElementsAre(old, old + ".stamp", old + ".verified", old + ".lock"));
  EXPECT_EQ(m_cache.state(young), Cache::State::verified);
  EXPECT_FALSE(exists(m_cache.path_of(old) + ".lock"));
  EXPECT_THAT(prune(by_age), IsEmpty());
}

TEST_F(InventoryTest, PrunesBySizeTheLeastRecentlyUsedFirst) {
  const std::string first = put(std::string(1000, '1'), hours(3));
  const std::string second = put(std::string(1000, '2'), hours(2));
  const std::string third = put(std::string(1000, '3'), hours(1));
  PruneRules by_size = rules();
  by_size.max_size = 2500;
  EXPECT_EQ(prune(by_size).at(0), first);
  EXPECT_EQ(m_cache.state(second), Cache::State::verified);
  by_size.max_size = 2000;
  EXPECT_THAT(prune(by_size), IsEmpty());
  by_size.keep = {second};
  by_size.max_size = 1000;
  EXPECT_EQ(prune(by_size).at(0), third);
  EXPECT_EQ(m_cache.state(second), Cache::State::verified);
}

TEST_F(InventoryTest, OnlyTellsIfAsked) {
  const std::string old = put("old", hours(1000));
  PruneRules by_age = rules();
  by_age.max_age = hours(100);
  by_age.mode = PruneRules::Mode::only_tell;
  EXPECT_EQ(prune(by_age).at(0), old);
  EXPECT_EQ(m_cache.state(old), Cache::State::verified);
}

TEST_F(InventoryTest, LeavesWhatIsInUse) {
  const std::string held = put("held", hours(1000));
  const std::string open = put("open", hours(1000));
  const std::string locked = put("locked", hours(1000));
  const std::string free = put("free", hours(1000));
  PruneRules by_age = rules();
  by_age.max_age = hours(100);
  {
    const std::optional<FileLock> hold = m_cache.hold(held);
    ASSERT_TRUE(hold);
    const UniqueFd fd = open_file(m_cache.path_of(open), O_RDONLY);
    const FileLock lock = m_cache.lock(locked);
    EXPECT_EQ(prune(by_age).at(0), free);
    EXPECT_EQ(m_cache.state(held), Cache::State::verified);
    EXPECT_EQ(m_cache.state(open), Cache::State::verified);
    EXPECT_EQ(m_cache.state(locked), Cache::State::verified);
  }
  EXPECT_THAT(prune(by_age), testing::IsSupersetOf({held, open, locked}));
  EXPECT_FALSE(m_cache.hold(held)); // nothing there to hold
}

TEST_F(InventoryTest, SweepsWhatLiesAbout) {
  const std::string there = put("there", hours(1));
  const std::string a(64, 'a');
  const std::string b(64, 'b');
  for (const std::string& name : {a + ".stamp", a + ".verified", a + ".lock", b + ".partial",
                                  b + ".resume", b + ".lock", there + ".stamp.Xa3f9Q"}) {
    write_file(m_cache.folder() + "/" + name, "x");
  }
  write_file(m_cache.folder() + "/notes.txt", "mine");
  EXPECT_THAT(prune(rules()), UnorderedElementsAre(a + ".stamp", a + ".verified", a + ".lock"));
  // A partial may still be continued; after a day nobody comes for it.
  for (const std::string& name : {b + ".partial", b + ".resume", there + ".stamp.Xa3f9Q"}) {
    age(name, hours(25));
  }
  EXPECT_THAT(prune(rules()),
              testing::IsSupersetOf({b + ".partial", b + ".resume", there + ".stamp.Xa3f9Q"}));
  prune(rules());
  EXPECT_FALSE(exists(m_cache.path_of(b) + ".lock"));
  EXPECT_EQ(m_cache.state(there), Cache::State::verified);
  EXPECT_TRUE(exists(m_cache.path_of(there) + ".stamp"));
  EXPECT_TRUE(exists(m_cache.folder() + "/notes.txt"));
}

} // namespace
} // namespace qt
