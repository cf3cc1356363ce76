#include "os/bounded_log.hh"

#include "base/format.hh"
#include "os/file.hh"

#include <array>
#include <gtest/gtest.h>
#include <random>

namespace qt {
namespace bounded_log_test {

constexpr std::uint64_t k_limit = 8192; // 6144 at the start, 2048 at the end

std::string letters(std::size_t count, std::size_t from = 0) {
  std::string text;
  for (std::size_t i = from; i < from + count; ++i) {
    text += static_cast<char>('a' + (i * 7 + i / 26) % 26);
  }
  return text;
}

class BoundedLogTest : public testing::Test {
protected:
  std::string path() const { return m_folder.path() + "/log"; }

  TempDir m_folder{"bounded-log-"};
};

TEST_F(BoundedLogTest, KeepsAStreamWithinItsLimitWhole) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{6144},
                                 std::size_t{6145}, std::size_t{k_limit}}) {
    BoundedLog log(path(), k_limit);
    log.write(letters(size));
    log.finish();
    EXPECT_EQ(read_file(path()), letters(size));
    EXPECT_EQ(log.left_out(), 0U);
  }
  EXPECT_FALSE(exists(path() + ".tail"));
}

TEST_F(BoundedLogTest, KeepsBothEndsAndSaysWhatIsMissing) {
  for (const std::size_t piece : {1, 100, 2048, 5000, 100'000}) {
    const std::string text = letters(100'000);
    BoundedLog log(path(), k_limit);
    for (std::size_t at = 0; at < text.size(); at += piece) {
      log.write(std::string_view(text).substr(at, piece));
    }
    log.finish();
    const std::string kept = read_file(path());
    EXPECT_EQ(kept.substr(0, 6144), text.substr(0, 6144)) << piece;
    EXPECT_EQ(kept.substr(kept.size() - 2048), text.substr(text.size() - 2048)) << piece;
    EXPECT_EQ(kept.substr(6144, kept.size() - 6144 - 2048),
              "\n[91808 bytes (89.7 KiB) are left out here: the limit of this log is 8.0 KiB; see "
              "log-limit]\n");
    EXPECT_EQ(log.left_out(), 91808U);
  }
}

TEST_F(BoundedLogTest, CanBeReadBackAtAnyTime) {
  std::mt19937 random(1);
  const std::string text = letters(60'000);
  BoundedLog log(path(), k_limit);
  std::array<std::byte, 3000> buffer;
  while (log.size() < text.size()) {
    const std::uint64_t room = log.room(log.size());
    EXPECT_GE(room, 2048U);
    log.write(std::string_view(text).substr(log.size(), random() % 700));
    const std::uint64_t at = log.kept_from(random() % (log.size() + 1));
    const std::size_t count = log.read(at, buffer);
    ASSERT_EQ(text_of(std::span(buffer).first(count)), std::string_view(text).substr(at, count));
    ASSERT_TRUE(count > 0 || at == log.size());
  }
  EXPECT_EQ(log.kept_from(6143), 6143U);
  EXPECT_EQ(log.kept_from(6144), log.size() - 2048);
}

TEST_F(BoundedLogTest, GoesOnWhereAnotherHasEnded) {
  write_file(path(), letters(6000));
  BoundedLog log(path(), k_limit, BoundedLog::Start::at_end);
  log.write(letters(10'000, 6000));
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(log.read(0, buffer), 10U);
  EXPECT_EQ(text_of(buffer), letters(10, 6000));
  log.finish();
  const std::string kept = read_file(path());
  EXPECT_TRUE(kept.starts_with(letters(6144)));
  EXPECT_TRUE(kept.ends_with(letters(2048, 16'000 - 2048)));
}

TEST_F(BoundedLogTest, WhatAKilledProgramHasLeftIsGone) {
  write_file(path() + ".tail", "old");
  BoundedLog log(path(), k_limit);
  EXPECT_FALSE(exists(path() + ".tail"));
}

} // namespace bounded_log_test
} // namespace qt
