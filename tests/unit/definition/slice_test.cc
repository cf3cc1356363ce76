#include "definition/slice.hh"

#include "base/error.hh"
#include "base/format.hh"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <random>

namespace slice_test {
namespace {

using namespace qt;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<SliceItem> some_items(std::size_t count, std::mt19937& random) {
  std::vector<SliceItem> items;
  for (std::size_t i = 0; i < count; ++i) {
    items.push_back({format("arch/file{}", i), seconds(random() % 200)});
  }
  return items;
}

Duration time_of(const std::vector<SliceItem>& items, const std::vector<std::size_t>& places) {
  return std::accumulate(
      places.begin(), places.end(), Duration::zero(),
      [&items](Duration sum, std::size_t place) { return sum + items[place].time; });
}

TEST(Slice, IsReadAsTwoNumbers) {
  EXPECT_EQ(parse_slice("2/5").number, 2U);
  EXPECT_EQ(parse_slice("2/5").of, 5U);
  EXPECT_EQ(parse_slice("1/1").of, 1U);
}

TEST(Slice, RefusesWhatIsNoPartOfAWhole) {
  for (const char* text : {"", "1", "/", "1/", "/3", "0/3", "4/3", "-1/3", "1/3/5", "1/3x", " 1/3",
                           "1/10001", "1.5/3", "1/99999999999999999999999"}) {
    try {
      parse_slice(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << text;
      EXPECT_THAT(error.what(), HasSubstr("is not I/N, such as 2/5"));
    }
  }
}

TEST(Slice, TogetherAreTheWholeAndNothingTwice) {
  std::mt19937 random(20261127);
  for (int round = 0; round < 200; ++round) {
    const std::vector<SliceItem> items = some_items(random() % 120, random);
    const std::size_t of = 1 + random() % 12;
    std::vector<std::size_t> all;
    for (std::size_t number = 1; number <= of; ++number) {
      const std::vector<std::size_t> part = slice_of(items, {number, of});
      EXPECT_TRUE(std::is_sorted(part.begin(), part.end()));
      all.insert(all.end(), part.begin(), part.end());
    }
    std::sort(all.begin(), all.end());
    std::vector<std::size_t> wanted(items.size());
    std::iota(wanted.begin(), wanted.end(), std::size_t{0});
    ASSERT_EQ(all, wanted) << "round " << round;
  }
}

TEST(Slice, DoesNotDependOnTheOrder) {
  std::mt19937 random(7);
  const std::vector<SliceItem> items = some_items(50, random);
  std::vector<SliceItem> shuffled = items;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  const auto names = [](const std::vector<SliceItem>& from) {
    std::vector<std::string> chosen;
    for (const std::size_t place : slice_of(from, {2, 3})) {
      chosen.push_back(from[place].name);
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
  };
  EXPECT_EQ(names(items), names(shuffled));
}

// No slice has more than the least of them and one item besides.
TEST(Slice, IsAsLongAsTheOthers) {
  std::mt19937 random(11);
  const std::vector<SliceItem> items = some_items(200, random);
  std::vector<Duration> times;
  for (std::size_t number = 1; number <= 7; ++number) {
    times.push_back(time_of(items, slice_of(items, {number, 7})));
  }
  const auto [least, most] = std::minmax_element(times.begin(), times.end());
  EXPECT_LE(*most - *least, seconds(200));
  EXPECT_GT(*least, Duration::zero());
}

TEST(Slice, GivesTheLongestOutFirst) {
  const std::vector<SliceItem> items = {{"a", seconds(1)}, {"b", seconds(1)}, {"c", seconds(2)}};
  EXPECT_THAT(slice_of(items, {1, 2}), ElementsAre(2));
  EXPECT_THAT(slice_of(items, {2, 2}), ElementsAre(0, 1));
  EXPECT_THAT(slice_of(items, {5, 5}), IsEmpty());
}

TEST(Slice, SharesOutWhatTakesNoTime) {
  const std::vector<SliceItem> items = {{"a", seconds(0)}, {"b", seconds(0)}};
  EXPECT_THAT(slice_of(items, {1, 2}), ElementsAre(0));
  EXPECT_THAT(slice_of(items, {2, 2}), ElementsAre(1));
}

std::vector<Definition> some_definitions() {
  std::vector<Definition> definitions(4);
  const std::vector<int> timeouts = {100, 90, 80, 60};
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    definitions[i].arch = "arm";
    definitions[i].stem = std::string(1, static_cast<char>('a' + i));
    definitions[i].timeout = seconds(timeouts[i]);
  }
  return definitions;
}

TEST(Slice, WeighsWhatWasMeasured) {
  const std::vector<Definition> definitions = some_definitions();
  EXPECT_THAT(slice_of(definitions, {1, 2}, {}), ElementsAre(0, 3));
  const Durations measured = {{"arm/a", seconds(1)},
                              {"arm/b", seconds(2)},
                              {"arm/c", seconds(3)},
                              {"arm/d", seconds(10)},
                              {"arm/gone", seconds(500)}};
  EXPECT_THAT(slice_of(definitions, {1, 2}, measured), ElementsAre(3));
  EXPECT_THAT(slice_of(definitions, {2, 2}, measured), ElementsAre(0, 1, 2));
}

// It is called as the emulator that it ran on: the longest counts.
TEST(Slice, WeighsWhatAGenericDefinitionTookOnSomeEmulator) {
  std::vector<Definition> definitions = some_definitions();
  definitions[1].arch = k_generic;
  const Durations measured = {{"arm/a", seconds(1)},      {"arm/b", seconds(3)},
                              {"arm/c", seconds(2)},      {"riscv64/b", seconds(20)},
                              {"x86_64/bc", seconds(99)}, {"arm/d", seconds(10)}};
  EXPECT_THAT(slice_of(definitions, {1, 2}, measured), ElementsAre(1));
  EXPECT_THAT(slice_of(definitions, {2, 2}, measured), ElementsAre(0, 2, 3));
}

// c took a tenth of its timeout; so others count with a tenth of theirs: 10, 9 and 6 seconds.
TEST(Slice, WeighsAPartOfTheTimeoutWhereNothingWasMeasured) {
  const Durations measured = {{"arm/c", seconds(8)}};
  EXPECT_THAT(slice_of(some_definitions(), {1, 2}, measured), ElementsAre(0, 3));
  EXPECT_THAT(slice_of(some_definitions(), {2, 2}, measured), ElementsAre(1, 2));
  // With whole timeouts that of d, 60 seconds, would be all of the other slice's.
  const Durations two = {{"arm/a", seconds(10)}, {"arm/b", seconds(9)}, {"arm/c", seconds(8)}};
  EXPECT_THAT(slice_of(some_definitions(), {1, 2}, two), ElementsAre(0, 3));
  // A run that took longer than its timeout makes no other longer than its own.
  const Durations slow = {{"arm/d", seconds(120)}};
  EXPECT_THAT(slice_of(some_definitions(), {1, 2}, slow), ElementsAre(2, 3));
}

} // namespace
} // namespace slice_test
