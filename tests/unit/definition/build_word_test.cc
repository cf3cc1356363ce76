#include "schema/build_word.hh"

#include "definition_text.hh"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

namespace qt {
namespace build_word_test {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string test_with(const std::string& config) {
  return "[test.a]\nrequires = { config = " + config +
         " }\nmachine = 'virt'\nsteps = [{wait='x'}]\n";
}

TEST(BuildWord, IsReadStrictly) {
  const auto mistakes = [](const std::string& config) { return mistakes_of(test_with(config)); };
  EXPECT_THAT(mistakes("'igvm'"), IsEmpty());
  EXPECT_THAT(mistakes("['igvm', 'asan']"), IsEmpty());
  EXPECT_THAT(mistakes("['not asan', 'igvm']"), IsEmpty());
  EXPECT_THAT(mistakes("'not slirp'"), ElementsAre(HasSubstr("'slirp' is not a word of it")));
  EXPECT_FALSE(mistakes("'not'").empty());
  EXPECT_FALSE(mistakes("'not not asan'").empty());
  EXPECT_THAT(mistakes("'igwm'"), ElementsAre("board.toml:2:23: error: config: unknown word "
                                              "'igwm'; did you mean 'igvm'?"));
  EXPECT_THAT(mistakes("['vnc', 'x264']"),
              ElementsAre("board.toml:2:31: error: config: unknown word 'x264'; "
                          "qt-definition(5) lists those of which QEMU tells"));
  EXPECT_THAT(mistakes("'CONFIG_VIRTIO_NET'"),
              ElementsAre(HasSubstr("QEMU does not tell with which CONFIG_VIRTIO_NET it was built: "
                                    "require what comes with it (keys device, machine, qmp)")));
  EXPECT_THAT(mistakes("'slirp'"), ElementsAre(HasSubstr("use netdev = \"user\"")));
  EXPECT_THAT(mistakes("'ubsan'"), ElementsAre(HasSubstr("QEMU does not tell")));
  EXPECT_THAT(mistakes("'IGVM'"), ElementsAre(HasSubstr("unknown word 'IGVM'")));
  EXPECT_FALSE(mistakes("''").empty());
  EXPECT_FALSE(mistakes("[]").empty());
  EXPECT_FALSE(mistakes("5").empty());
}

TEST(BuildWord, OfAFileAndATestAddUp) {
  const Definition definition =
      load_text("requires = { config = 'vnc' }\n[test.a]\nrequires = { config = ['zstd'] }\n"
                "machine = 'virt'\nsteps = [{wait='x'}]\n");
  EXPECT_EQ(definition.subtests.at(0).required.at("config"), Json({"vnc", "zstd"}));
}

TEST(BuildWord, StandsOnceInTheTable) {
  std::vector<std::string_view> words;
  for (const BuildWord& word : build_words()) {
    words.push_back(word.word);
    EXPECT_EQ(find_build_word(word.word), &word);
  }
  EXPECT_TRUE(std::is_sorted(words.begin(), words.end()));
  EXPECT_EQ(std::adjacent_find(words.begin(), words.end()), words.end());
}

} // namespace build_word_test
} // namespace qt
