#include "extract/byte_source.hh"

#include "base/error.hh"

#include <atomic>
#include <gtest/gtest.h>

namespace read_ahead_test {

using namespace qt;

std::byte byte_at(std::uint64_t offset) { return static_cast<std::byte>((offset * 7 >> 3) & 0xff); }

// The bytes of byte_at() up to a length; fails at an offset if one is given.
class CountingSource final : public ByteSource {
public:
  explicit CountingSource(std::uint64_t length, std::uint64_t fails_at = UINT64_MAX)
    : m_length(length)
    , m_fails_at(fails_at) {}

  std::size_t read(std::span<std::byte> into) override {
    if (m_offset + into.size() > m_fails_at) {
      throw Error("broken here", ExitCode::failed);
    }
    std::size_t filled = 0;
    while (filled < into.size() && m_offset < m_length) {
      into[filled++] = byte_at(m_offset++);
    }
    m_read += filled;
    return filled;
  }
  bool can_seek() const override { return true; }
  void seek(std::uint64_t offset) override { m_offset = offset; }
  std::uint64_t size() const override { return m_length; }

  static inline std::atomic<std::uint64_t> m_read;

private:
  std::uint64_t m_length;
  std::uint64_t m_fails_at;
  std::uint64_t m_offset = 0;
};

class ReadAheadTest : public testing::TestWithParam<Overlap> {};

TEST_P(ReadAheadTest, HandsOutEverythingInOrder) {
  for (const std::uint64_t length : {0U, 1U, 64U << 10, 5U << 20, (9U << 20) + 17}) {
    ReadAhead input(std::make_unique<CountingSource>(length), GetParam());
    std::uint64_t at = 0;
    for (std::span<const std::byte> piece = input.next(); !piece.empty(); piece = input.next()) {
      for (const std::byte byte : piece) {
        ASSERT_EQ(byte, byte_at(at++)) << "at " << at;
      }
    }
    EXPECT_EQ(at, length);
    EXPECT_TRUE(input.next().empty()) << "the end stays the end";
  }
}

TEST_P(ReadAheadTest, ShowsTheFirstPieceTwice) {
  ReadAhead input(std::make_unique<CountingSource>(1 << 20), GetParam());
  const std::size_t size = input.peek().size();
  EXPECT_GE(size, 64U << 10);
  EXPECT_EQ(input.peek().size(), size);
  EXPECT_EQ(input.next().size(), size);
  EXPECT_EQ(input.next()[0], byte_at(size));
}

TEST_P(ReadAheadTest, FailsInItsPlace) {
  constexpr std::uint64_t k_place = 7U << 20;
  ReadAhead input(std::make_unique<CountingSource>(20U << 20, k_place), GetParam());
  std::uint64_t seen = 0;
  EXPECT_THROW(
      {
        while (!input.next().empty()) {
          seen = input.position();
        }
      },
      Error);
  EXPECT_GT(seen, k_place - (2U << 20));
  EXPECT_LE(seen, k_place);
}

TEST_P(ReadAheadTest, StopsWhenItIsNotReadToItsEnd) {
  CountingSource::m_read = 0;
  {
    ReadAhead input(std::make_unique<CountingSource>(1U << 30), GetParam());
    for (int i = 0; i < 10; ++i) {
      ASSERT_FALSE(input.next().empty());
    }
  }
  EXPECT_LT(CountingSource::m_read, 64U << 20);
}

INSTANTIATE_TEST_SUITE_P(Overlap, ReadAheadTest, testing::Values(Overlap::no, Overlap::yes),
                         [](const auto& test) {
                           return std::string(test.param == Overlap::yes ? "thread" : "inline");
                         });

TEST(ReadAheadSeekTest, Jumps) {
  ReadAhead input(std::make_unique<CountingSource>(1 << 20), Overlap::no);
  ASSERT_FALSE(input.peek().empty());
  input.seek(100000);
  EXPECT_EQ(input.next()[0], byte_at(100000));
  EXPECT_FALSE(ReadAhead(std::make_unique<CountingSource>(1), Overlap::yes).can_seek());
}

} // namespace read_ahead_test
