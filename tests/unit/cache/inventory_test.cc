#include "cache/inventory.hh"

#include "base/error.hh"
#include "data/digest.hh"
#include "filled_cache.hh"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace inventory_test {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class InventoryTest : public testing::Test {
protected:
  support::FilledCache m_filled;
  const Cache& m_cache = m_filled.cache;
};

TEST_F(InventoryTest, ListsLeastRecentlyUsedFirst) {
  EXPECT_THAT(list_cache(m_cache), IsEmpty()); // not even a folder
  const std::string young = m_filled.put("young", hours(1));
  const std::string old = m_filled.put("older", hours(1000));
  write_file(m_cache.folder() + "/README", "not an asset");
  const std::vector<CacheEntry> entries = list_cache(m_cache);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].digest, old);
  EXPECT_EQ(entries[0].size, 5u);
  EXPECT_EQ(entries[1].digest, young);
  EXPECT_EQ(entries[1].state, Cache::State::verified);
  EXPECT_LT(m_filled.now - entries[0].last_use, hours(1001));
  EXPECT_TRUE(entries[0].url == "http://host/older" || entries[0].url.empty());
}

TEST_F(InventoryTest, WithoutAStampTheFileTellsTheTime) {
  const std::string digest = m_filled.put("content", hours(0));
  ASSERT_EQ(::unlink((m_cache.path_of(digest) + ".stamp").c_str()), 0);
  m_filled.age(digest, hours(500));
  const auto unused = m_filled.now - list_cache(m_cache).at(0).last_use;
  EXPECT_GT(unused, hours(499));
  EXPECT_LT(unused, hours(501));
}

TEST_F(InventoryTest, VerifyPutsAsideWhatIsWrong) {
  const std::string right = m_filled.put("right", hours(0));
  const std::string wrong = m_filled.put("wrong", hours(0));
  const std::string lying = m_filled.put("lying", hours(0));
  // One that nobody looked at since, and one that its record calls right.
  m_filled.damage(wrong);
  m_filled.damage(lying);
  m_cache.record(lying, Cache::marks(m_cache.path_of(lying)).value());
  ASSERT_EQ(::unlink((m_cache.path_of(right) + ".verified").c_str()), 0);

  std::vector<std::string> wrong_ones;
  std::size_t right_ones = 0;
  verify_cache(m_cache, [&](const Checked& checked) {
    if (checked.verdict == Checked::Verdict::put_aside) {
      wrong_ones.push_back(checked.entry.digest);
    } else {
      ++right_ones;
    }
  });
  EXPECT_EQ(right_ones, 1u);
  EXPECT_THAT(wrong_ones, UnorderedElementsAre(wrong, lying));
  EXPECT_EQ(m_cache.state(right), Cache::State::verified);
  EXPECT_EQ(m_cache.state(wrong), Cache::State::absent);
  EXPECT_EQ(m_cache.state(lying), Cache::State::absent);
  EXPECT_TRUE(exists(m_cache.path_of(wrong) + ".corrupt"));
}

TEST_F(InventoryTest, AWrongFileThatHasToStayIsReported) {
  const std::string wrong = m_filled.put("wrong");
  m_filled.damage(wrong);
  make_directories(m_cache.path_of(wrong) + ".corrupt/in-the-way");
  std::size_t left = 0;
  verify_cache(m_cache, [&](const Checked& checked) {
    EXPECT_EQ(checked.verdict, Checked::Verdict::left);
    EXPECT_THAT(checked.reason, testing::HasSubstr(wrong + " has the digest "));
    ++left;
  });
  EXPECT_EQ(left, 1u);
  EXPECT_EQ(read_file(m_cache.path_of(wrong)), "damage");
}

} // namespace inventory_test
} // namespace qt
