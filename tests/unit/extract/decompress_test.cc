#include "extract/decompress.hh"

#include "../support/text_source.hh"
#include "base/error.hh"

#include <gtest/gtest.h>

namespace {

using namespace qt;

constexpr std::string_view k_text = "hello, hello, hello, world\n";

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string decode(Compression compression, const std::string& bytes, std::size_t step = 1000) {
  const std::unique_ptr<ByteSource> source =
      decompress(compression, std::make_unique<TextSource>(bytes), {});
  std::string out;
  std::vector<std::byte> piece(step);
  for (;;) {
    const std::size_t count = source->read(piece);
    out += text_of(std::span(piece).first(count));
    if (count == 0) {
      return out;
    }
    EXPECT_TRUE(count == step || source->read(piece) == 0) << "short only at the end";
    if (count < step) {
      return out;
    }
  }
}

struct Sample {
  Compression compression;
  std::string_view name;
  std::string bytes; // k_text, by the program of that name
};

class DecompressTest : public testing::TestWithParam<Sample> {};

TEST_P(DecompressTest, IsTold) {
  EXPECT_EQ(sniff_compression(GetParam().bytes), GetParam().compression);
  EXPECT_EQ(sniff_compression(GetParam().bytes.substr(0, 10)), GetParam().compression);
  for (std::size_t length = 0; length < 3; ++length) {
    EXPECT_EQ(sniff_compression(GetParam().bytes.substr(0, length)), Compression::none);
  }
  EXPECT_EQ(compression_name(GetParam().compression), GetParam().name);
}

TEST_P(DecompressTest, ReadsInPiecesOfAnySize) {
  for (const std::size_t step : {1U, 2U, 13U, 27U, 28U, 1000U}) {
    EXPECT_EQ(decode(GetParam().compression, GetParam().bytes, step), k_text) << step;
  }
}

TEST_P(DecompressTest, JoinsStreamsAndSkipsPadding) {
  const std::string& bytes = GetParam().bytes;
  EXPECT_EQ(decode(GetParam().compression, bytes + bytes + std::string(8, '\0')),
            std::string(k_text) + std::string(k_text));
}

TEST_P(DecompressTest, RefusesEveryTruncation) {
  const std::string& bytes = GetParam().bytes;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    try {
      decode(GetParam().compression, bytes.substr(0, length));
      ADD_FAILURE() << "accepted " << length << " bytes of " << bytes.size();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed);
    }
  }
}

TEST_P(DecompressTest, RefusesWhatFollows) {
  for (const std::string behind : {"x", "\x1f", "BZ", "something long enough to be looked at"}) {
    EXPECT_THROW(decode(GetParam().compression, GetParam().bytes + behind), Error) << behind;
  }
  // Padding is an end: what is behind it is not looked for.
  EXPECT_THROW(
      decode(GetParam().compression, GetParam().bytes + std::string(5, '\0') + GetParam().bytes),
      Error);
}

TEST_P(DecompressTest, NeverTakesDamageForTheText) {
  for (std::size_t at = 0; at < GetParam().bytes.size(); ++at) {
    std::string damaged = GetParam().bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    try {
      const std::string out = decode(GetParam().compression, damaged);
      // Bytes without meaning (gzip's time, flags of the system) may change.
      EXPECT_EQ(out, k_text) << "byte " << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::failed) << "byte " << at << ": " << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, DecompressTest,
    testing::Values(
        Sample{Compression::gzip, "gz",
               from_hex("1f8b0800000000000003cb48cdc9c9d751c840a1caf38b7252b800c370a3c21b000000")},
        Sample{Compression::xz, "xz",
               from_hex("fd377a585a000004e6d6b4460200210116000000742fe5a3e0001a00135d00341949ee8def"
                        "8c88495c92b6f596feaa64000000004a993163907e3f0300012f1baa44ffb81fb6f37d0100"
                        "00000004595a")},
        Sample{Compression::zstd, "zst",
               from_hex("28b52ffd04589d00006868656c6c6f2c20776f726c640a0100928b118a96f40b")},
        Sample{Compression::bzip2, "bz2",
               from_hex("425a6839314159265359f6c1db04000005d1800010400406449080200031003023d46a7a9e"
                        "90910907dadd1d1e8fe2ee48a70a121ed83b6080")}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(DecompressLimitTest, RefusesXzThatNeedsMoreMemory) {
  // The dictionary in the header is 8 MiB.
  const Sample xz = {Compression::xz, "xz",
                     from_hex("fd377a585a000004e6d6b4460200210116000000742fe5a3e0001a00135d0034194"
                              "9ee8def8c88495c92b6f596feaa64000000004a993163907e3f0300012f1baa44ff"
                              "b81fb6f37d010000000004595a")};
  DecompressOptions options;
  options.memory_bytes = 1 << 20;
  const auto source = decompress(xz.compression, std::make_unique<TextSource>(xz.bytes), options);
  std::vector<std::byte> piece(100);
  try {
    source->read(piece);
    ADD_FAILURE() << "should need 8 MiB";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_NE(std::string(error.what()).find("--memory"), std::string::npos);
  }
}

TEST(SniffTest, KnowsWhatOnlyLooksLikeOne) {
  EXPECT_EQ(sniff_compression("BZh9 is a text"), Compression::none);
  EXPECT_EQ(sniff_compression("\x1f\x8b\x07 and more"), Compression::none);
  EXPECT_EQ(sniff_compression("\x5a\x2a\x4d\x18 skippable"), Compression::zstd);
}

} // namespace
