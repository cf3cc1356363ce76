#include "cache/inventory.hh"

#include "base/error.hh"
#include "filled_cache.hh"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace prune_test {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class PruneTest : public testing::Test {
protected:
  std::vector<std::string> prune(const PruneRules& rules) const {
    std::vector<std::string> names;
    for (const Pruned& one : prune_cache(m_cache, rules)) {
      names.push_back(one.name);
    }
    return names;
  }
  PruneRules rules() const {
    PruneRules rules;
    rules.now = m_filled.now;
    return rules;
  }

  support::FilledCache m_filled;
  const Cache& m_cache = m_filled.cache;
};

TEST_F(PruneTest, PrunesByAge) {
  const std::string young = m_filled.put("young", hours(1));
  const std::string old = m_filled.put("old", hours(1000));
  PruneRules by_age = rules();
  by_age.max_age = hours(100);
  EXPECT_THAT(prune(by_age),
              UnorderedElementsAre(old, old + ".stamp", old + ".verified", old + ".lock"));
  EXPECT_EQ(m_cache.state(young), Cache::State::verified);
  EXPECT_FALSE(exists(m_cache.path_of(old) + ".lock"));
  EXPECT_THAT(prune(by_age), IsEmpty());
}

TEST_F(PruneTest, PrunesBySizeTheLeastRecentlyUsedFirst) {
  const std::string first = m_filled.put(std::string(1000, '1'), hours(3));
  const std::string second = m_filled.put(std::string(1000, '2'), hours(2));
  const std::string third = m_filled.put(std::string(1000, '3'), hours(1));
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

TEST_F(PruneTest, OnlyTellsIfAsked) {
  const std::string old = m_filled.put("old", hours(1000));
  PruneRules by_age = rules();
  by_age.max_age = hours(100);
  by_age.mode = PruneRules::Mode::only_tell;
  EXPECT_EQ(prune(by_age).at(0), old);
  EXPECT_EQ(m_cache.state(old), Cache::State::verified);
}

TEST_F(PruneTest, LeavesWhatIsInUse) {
  const std::string held = m_filled.put("held", hours(1000));
  const std::string open = m_filled.put("open", hours(1000));
  const std::string locked = m_filled.put("locked", hours(1000));
  const std::string free = m_filled.put("free", hours(1000));
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

TEST_F(PruneTest, SweepsWhatLiesAbout) {
  const std::string there = m_filled.put("there", hours(1));
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
    m_filled.age(name, hours(25));
  }
  EXPECT_THAT(prune(rules()),
              testing::IsSupersetOf({b + ".partial", b + ".resume", there + ".stamp.Xa3f9Q"}));
  prune(rules());
  EXPECT_FALSE(exists(m_cache.path_of(b) + ".lock"));
  EXPECT_EQ(m_cache.state(there), Cache::State::verified);
  EXPECT_TRUE(exists(m_cache.path_of(there) + ".stamp"));
  EXPECT_TRUE(exists(m_cache.folder() + "/notes.txt"));
}

TEST_F(PruneTest, WhatIsAboutToBeOpenedStays) {
  const std::string fresh = m_filled.put("fresh");
  PruneRules all = rules();
  all.max_size = 0;
  EXPECT_THAT(prune(all), IsEmpty());
  all.now += std::chrono::minutes(11);
  EXPECT_EQ(prune(all).at(0), fresh);
}

TEST_F(PruneTest, AUseInTheFutureCountsAsNow) {
  const std::string digest = m_filled.put("content", -hours(24 * 365));
  PruneRules by_age = rules();
  by_age.max_age = hours(1);
  EXPECT_THAT(prune(by_age), IsEmpty());
  const auto used = list_cache(m_cache).at(0).last_use;
  EXPECT_LT(used, m_filled.now + hours(1)); // and from now on it ages
  by_age.now += hours(2);
  EXPECT_EQ(prune(by_age).at(0), digest);
}

TEST_F(PruneTest, APartialFromTheFutureGoes) {
  const std::string name = std::string(64, 'b') + ".partial";
  make_directories(m_cache.folder());
  write_file(m_cache.folder() + "/" + name, "x");
  m_filled.age(name, -hours(1000));
  EXPECT_THAT(prune(rules()), ElementsAre(name));
}

TEST_F(PruneTest, WhatWasPutAsideStaysAWeek) {
  const std::string wrong = m_filled.put("wrong");
  m_filled.age(wrong, hours(5000)); // of the file, not of its being put aside
  m_cache.quarantine(wrong);
  PruneRules later = rules();
  later.now += hours(24);
  prune(later);
  EXPECT_TRUE(exists(m_cache.own_path(wrong) + ".corrupt"));
  later.now += 7 * hours(24);
  EXPECT_THAT(prune(later), ElementsAre(wrong + ".corrupt"));
}

TEST_F(PruneTest, TellingIsWhatRemovingDoes) {
  m_filled.put("old", hours(1000));
  m_filled.put("young", hours(1));
  PruneRules by_age = rules();
  by_age.max_age = hours(100);
  by_age.mode = PruneRules::Mode::only_tell;
  const std::vector<std::string> told = prune(by_age);
  by_age.mode = PruneRules::Mode::remove;
  std::vector<std::string> done = prune(by_age);
  std::erase_if(done, [](const std::string& name) { return name.ends_with(".lock"); });
  EXPECT_THAT(told, testing::ElementsAreArray(done)); // but the lock that removing takes
}

TEST_F(PruneTest, LowerCachesAreNotItsBusiness) {
  support::FilledCache upper;
  const std::string digest = m_filled.put("old", hours(1000));
  const Cache both(upper.cache.root(), {m_cache.root()});
  make_directories(both.folder());
  both.record(digest, Cache::marks(both.path_of(digest)).value());
  PruneRules by_age = rules();
  by_age.max_age = hours(100);
  EXPECT_THAT(prune_cache(both, by_age), IsEmpty()); // the record too is of use
  EXPECT_EQ(both.state(digest), Cache::State::verified);
}

} // namespace prune_test
} // namespace qt
